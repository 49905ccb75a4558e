"""Prints the endpoints of one state as external-dns reads them: first, second or empty; `changes` counts what differs."""

import json
import sys


def endpoint(name, kind, targets, ttl=0, **properties):
    given = {"dnsName": name, "recordType": kind, "targets": targets}
    if ttl:
        given["recordTTL"] = ttl
    if properties:
        prefix = "external-dns.kubernetes.io/cloudflare-"
        given["providerSpecific"] = [{"name": prefix + key.replace("_", "-"), "value": value} for key, value in properties.items()]
    return given


def endpoints(second):
    hosts = [
        endpoint(f"host-{n}.example.test", "A", [f"192.0.2.{n % 200 + (1 if second and n % 7 == 0 else 0)}"], 300)
        for n in range(1, 251)
    ]
    return hosts + [
        endpoint("set.example.test", "A", ["192.0.2.1", "192.0.2.3" if second else "192.0.2.2"], 300),
        endpoint("six.example.test", "AAAA", ["2001:db8::2" if second else "2001:db8::1"], 300),
        endpoint("www.example.test", "CNAME", ["other.example.net" if second else "target.example.net"]),
        endpoint("front.example.test", "A", ["192.0.2.10"], proxied="true"),
        endpoint("noted.example.test", "A", ["192.0.2.11"], 600 if second else 300, record_comment="one", tags="team:dns"),
        endpoint("text.example.test", "TXT", ['"v=spf1 -all"' if second else '"heritage=external-dns"'], 300),
        endpoint("mail.example.test", "MX", ["20 mx.example.net" if second else "10 mx.example.net"], 300),
        endpoint("_sip._tcp.example.test", "SRV", ["5 20 5060 sip.example.net." if second else "5 10 5060 sip.example.net."], 300),
        endpoint("sub.example.test", "NS", ["ns1.example.net", "ns3.example.net" if second else "ns2.example.net"], 300),
    ]


state = sys.argv[1]
if state == "changes":
    print(sum(a != b for a, b in zip(endpoints(False), endpoints(True))))
else:
    json.dump([] if state == "empty" else endpoints(state == "second"), sys.stdout)
