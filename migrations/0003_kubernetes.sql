-- Objects of a cluster: which of them were looked at, what rows they made, and when they are looked at again.

create table kubernetes_objects (
  kind text not null,
  namespace text not null,
  name text not null,
  uid text not null,
  -- `metadata.generation` that was looked at last: what the status is about.
  generation bigint not null,
  -- A decimal number of any length: nothing older than this is ever written into rows.
  resource_version text not null check (resource_version ~ '^[0-9]+$'),
  -- Of what the object asks for; one that has the same needs no look.
  fingerprint text not null,
  -- What it made; null while it could not become rows, and when they are gone.
  manifest_id bigint references manifests (id) on delete set null,
  -- The uid of the object that made it: an earlier one while the one that was made anew under its name is refused.
  made_by text,
  -- Why it is not done although its rows may be; a word of src/model/reasons.ts.
  problem text,
  problem_message text,
  -- Only a person can help.
  problem_stalled boolean not null default false,
  updated_at timestamptz not null default driftless_now(),
  primary key (kind, namespace, name)
);
create unique index kubernetes_objects_manifest on kubernetes_objects (manifest_id) where manifest_id is not null;
create index kubernetes_objects_problem on kubernetes_objects (problem, namespace) where problem is not null;

-- A token that was read from a Secret is kept, encrypted, until nothing needs it any more.
alter table api_keys drop constraint api_keys_token_from_check;
alter table api_keys add constraint api_keys_token_from_check check (token_from ~ '^(env|file|secret):.');

-- The first token of a credential that had none makes its zones due, as a changed one does.
drop trigger api_keys_due on api_keys;
create constraint trigger api_keys_due after update on api_keys
  deferrable initially deferred for each row
  when ((old.provider, old.token_from, old.status) is distinct from (new.provider, new.token_from, new.status)
    or (old.api_token <> new.api_token
      and (old.api_token = '' or new.api_token not like 'v1:%' or old.api_token like 'v1:%')))
  execute function api_keys_due();

-- Makes the object of a manifest due, because what its status tells of has changed.
create function driftless_object_due(for_manifest bigint) returns void language plpgsql as $$
declare
  mark text := pg_current_xact_id()::text || ' ' || for_manifest;
begin
  -- Set by the pass of the object itself, which tells the status when it has written its rows.
  if for_manifest is null or current_setting('driftless.object', true) = mark then
    return;
  end if;
  insert into reconcile_work as w (reconciler, key, priority, due_at)
  select 'kubernetes', kind || '/' || namespace || '/' || name, 100, driftless_now()
  from kubernetes_objects where manifest_id = for_manifest
  on conflict (reconciler, key) do update set
    generation = w.generation + 1,
    priority = 100,
    due_at = case when w.owner is null then greatest(least(w.due_at, driftless_now()), w.write_until) else w.due_at end;
  perform set_config('driftless.object', mark, true);
end $$;

-- Makes many objects due at once, in key order.
create function driftless_objects_due(keys text[]) returns void language sql as $$
  insert into reconcile_work as w (reconciler, key, priority, due_at)
  select 'kubernetes', key, 100, driftless_now() from unnest(keys) as key order by key
  on conflict (reconciler, key) do update set
    generation = w.generation + 1,
    priority = 100,
    due_at = case when w.owner is null then greatest(least(w.due_at, driftless_now()), w.write_until) else w.due_at end
$$;

create function dns_records_told() returns trigger language plpgsql as $$
declare
  mark text;
begin
  if tg_op <> 'DELETE' then
    perform driftless_object_due(new.manifest_id);
    return null;
  end if;
  perform driftless_object_due(old.manifest_id);
  -- A row that waits for its end is counted by its domain, also after the zone was observed.
  mark := pg_current_xact_id()::text || ' ' || old.domain_id;
  if current_setting('driftless.emptied', true) is distinct from mark then
    perform set_config('driftless.emptied', mark, true);
    perform driftless_object_due(d.manifest_id) from domains d where d.id = old.domain_id;
  end if;
  return null;
end $$;
create constraint trigger dns_records_told_inserted after insert on dns_records
  deferrable initially deferred for each row when (new.manifest_id is not null) execute function dns_records_told();
create constraint trigger dns_records_told_updated after update on dns_records
  deferrable initially deferred for each row
  when (new.manifest_id is not null
    and (old.generation, old.observed_generation, old.rejected_generation, old.retry_stopped, old.drifted,
      old.error_reason, old.last_error, old.manifest_id)
    is distinct from (new.generation, new.observed_generation, new.rejected_generation, new.retry_stopped, new.drifted,
      new.error_reason, new.last_error, new.manifest_id))
  execute function dns_records_told();
create constraint trigger dns_records_told_deleted after delete on dns_records
  deferrable initially deferred for each row execute function dns_records_told();

-- The condition of a zone is shown by its domain, by its credential and by its records: by all of them where only a
-- person can help, else by those that are not done.
create function dns_conditions_told() returns trigger language plpgsql as $$
declare
  zone bigint := (case when tg_op = 'DELETE' then old.key else new.key end)::bigint;
  everybody boolean := case tg_op when 'DELETE' then old.stalled when 'INSERT' then new.stalled
    else old.stalled or new.stalled end;
begin
  if not exists (select from kubernetes_objects) then
    return null;
  end if;
  perform driftless_objects_due(array(
    select k.kind || '/' || k.namespace || '/' || k.name from kubernetes_objects k where k.manifest_id in (
      select d.manifest_id from domains d where d.id = zone
      union select c.manifest_id from domain_dns_providers p join api_keys c on c.id = p.api_key_id where p.domain_id = zone
      union select r.manifest_id from dns_records r where r.domain_id = zone
        and (everybody or r.observed_generation < r.generation or r.drifted or r.desired_state = 'absent')
      -- What asks for absence alone has no rows.
      union select m.id from domains d join manifests z on z.id = d.manifest_id
        join manifests m on m.kind = 'DnsRecord' and m.namespace = z.namespace and m.spec->'domainRef'->>'name' = z.name
        where everybody and d.id = zone and m.spec->>'state' = 'absent')));
  return null;
end $$;
create trigger dns_conditions_told_inserted after insert on reconcile_conditions
  for each row when (new.reconciler = 'dns') execute function dns_conditions_told();
create trigger dns_conditions_told_updated after update on reconcile_conditions
  for each row when (new.reconciler = 'dns' and (old.stalled, old.reason) is distinct from (new.stalled, new.reason))
  execute function dns_conditions_told();
create trigger dns_conditions_told_deleted after delete on reconcile_conditions
  for each row when (old.reconciler = 'dns') execute function dns_conditions_told();

-- A domain says that its zone was looked at since its last change.
create function dns_work_told() returns trigger language plpgsql as $$
begin
  perform driftless_object_due(d.manifest_id) from domains d where d.id = new.key::bigint;
  return null;
end $$;
create trigger dns_work_told after update on reconcile_work
  for each row when (new.reconciler = 'dns' and new.observed > old.observed) execute function dns_work_told();

-- What waits for another object is looked at again when that one has its rows, or has given up a zone. Who begins to
-- wait while that is not committed yet is not seen here: it waits for the lock, which is held until then, and looks
-- once more (`settled` in src/reconcilers/kubernetes/store.ts).
create function driftless_awaited() returns void language sql as $$
  select pg_advisory_xact_lock_shared(hashtext('driftless.kubernetes.awaited'))
$$;
create function kubernetes_objects_told() returns trigger language plpgsql as $$
begin
  if new.manifest_id is null then
    perform driftless_objects_due(array[new.kind || '/' || new.namespace || '/' || new.name]);
  elsif new.kind <> 'DnsRecord' then
    perform driftless_awaited();
    perform driftless_objects_due(array(
      select kind || '/' || namespace || '/' || name from kubernetes_objects
      where problem = 'ReferenceMissing' and namespace = new.namespace));
  end if;
  return null;
end $$;
create trigger kubernetes_objects_told_inserted after insert on kubernetes_objects
  for each row when (new.manifest_id is not null) execute function kubernetes_objects_told();
create trigger kubernetes_objects_told_updated after update on kubernetes_objects
  for each row when ((old.manifest_id is null) <> (new.manifest_id is null)) execute function kubernetes_objects_told();

create function domains_told() returns trigger language plpgsql as $$
begin
  perform driftless_awaited();
  perform driftless_objects_due(array(
    select kind || '/' || namespace || '/' || name from kubernetes_objects where problem = 'Conflict'));
  return null;
end $$;
create trigger domains_told after delete on domains for each row execute function domains_told();

-- What is being deleted waits for what refers to it, and is looked at again when that goes or refers to another. Told
-- also before its own deletion is: neither of two that are deleted at the same time sees the end of the other.
create function manifests_told() returns trigger language plpgsql as $$
begin
  perform driftless_object_due(m.id) from manifests m
  where m.kind = 'Domain' and m.namespace = old.namespace and m.name = old.spec->'domainRef'->>'name';
  return null;
end $$;
create constraint trigger manifests_told_deleted after delete on manifests
  deferrable initially deferred for each row when (old.kind = 'DnsRecord') execute function manifests_told();
create constraint trigger manifests_told_updated after update on manifests
  deferrable initially deferred for each row
  when (old.kind = 'DnsRecord' and old.spec->'domainRef' is distinct from new.spec->'domainRef')
  execute function manifests_told();

create function domain_dns_providers_told() returns trigger language plpgsql as $$
begin
  perform driftless_object_due(c.manifest_id) from api_keys c where c.id = old.api_key_id;
  return null;
end $$;
create constraint trigger domain_dns_providers_told_deleted after delete on domain_dns_providers
  deferrable initially deferred for each row execute function domain_dns_providers_told();
create constraint trigger domain_dns_providers_told_updated after update on domain_dns_providers
  deferrable initially deferred for each row when (old.api_key_id <> new.api_key_id)
  execute function domain_dns_providers_told();

-- Records at the provider that a person let go of: our mark in their comment, which could not be taken off, is void.
create table dns_abandoned (
  -- Kept when the domain goes: the zone may come back under another one.
  domain varchar(255) not null,
  provider_record_id varchar(128) not null,
  abandoned_at timestamptz not null default driftless_now(),
  primary key (domain, provider_record_id)
);
