"""Prints the octoDNS zone file of one state: first, second (values, TTLs and types changed) or empty.

There are no quotes inside TXT values: octoDNS 1.22 escapes them when it writes and does not unescape what it reads, so
that with any server it plans such a value again.
"""

import json
import sys


def cloudflare(**settings):
    return {"octodns": {"cloudflare": settings}}


def zone(second):
    def host(a, b):
        return b if second else a

    records = {
        f"host-{n}": {"type": "A", "ttl": host(300, 600) if n % 2 else 300, "values": [f"192.0.2.{n % 200 + (n % 7 == 0 and second)}"]}
        for n in range(1, 241)
    }
    records.update(
        {
            "": [
                {"type": "A", "values": ["192.0.2.1", host("192.0.2.2", "192.0.2.3")], **cloudflare(proxied=True)},
                {"type": "AAAA", "values": ["2001:db8::1", host("2001:db8::2", "2001:db8::3")]},
                {"type": "CAA", "values": [{"flags": 0, "tag": "issue", "value": host("letsencrypt.org", "ca.example.net")}]},
                {"type": "MX", "values": [{"preference": 10, "exchange": "mail.example.net."}, {"preference": host(20, 30), "exchange": "mail2.example.net."}]},
                {"type": "TXT", "values": ["v=spf1 -all", host("x", "y") * 600, "k=v\\; t=s"]},
            ],
            "www": {"type": "CNAME", "value": host("target.example.net.", "other.example.net."), **cloudflare(**{"auto-ttl": True})},
            "swap": {"type": "CNAME", "value": "a.example.net."} if second else {"type": "A", "values": ["192.0.2.9"]},
            "noted": {"type": "A", "values": ["192.0.2.8"], **cloudflare(comment=host("one", "two"), tags=["team:dns"])},
            "*.wild": {"type": "A", "values": ["192.0.2.7"]},
            "_sip._tcp": {"type": "SRV", "values": [{"priority": 5, "weight": host(10, 20), "port": 5060, "target": "sip.example.net."}]},
            "sub": [
                {"type": "NS", "values": ["ns1.example.net.", host("ns2.example.net.", "ns3.example.net.")]},
                {"type": "DS", "values": [{"key_tag": 2371, "algorithm": 13, "digest_type": 2, "digest": host("ab", "cd") * 32}]},
            ],
            "svc": {"type": "HTTPS", "values": [{"svcpriority": 1, "targetname": ".", "svcparams": {"alpn": ["h2", host("h3", "http/1.1")]}}]},
            "naptr": {"type": "NAPTR", "values": [{"order": 10, "preference": host(100, 50), "flags": "S", "service": "SIP+D2U", "regexp": "!^.*$!sip:info@example.net!", "replacement": "."}]},
            "ssh": {"type": "SSHFP", "values": [{"algorithm": 1, "fingerprint_type": 1, "fingerprint": host("ab", "cd") * 20}]},
            "loc": {"type": "LOC", "values": [{"lat_degrees": 51, "lat_minutes": 30, "lat_seconds": 12.748, "lat_direction": "N", "long_degrees": 0, "long_minutes": 7, "long_seconds": 39.612, "long_direction": "W", "altitude": host(0, 10), "size": 1, "precision_horz": 100, "precision_vert": 10}]},
            "_443._tcp": {"type": "TLSA", "values": [{"certificate_usage": 3, "selector": 1, "matching_type": 1, "certificate_association_data": host("AB", "CD") * 32}]},
            "ptr": {"type": "PTR", "values": [host("a.example.net.", "b.example.net.")]},
        }
    )
    return records


state = sys.argv[1]
# JSON is YAML.
json.dump({} if state == "empty" else zone(state == "second"), sys.stdout, indent=1)
