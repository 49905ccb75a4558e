/**
 * The database of the simulation: migrated once, emptied before each run, and watched by triggers that say each changed
 * row as a notice. A copy of all tables can be taken and put back, as a fail-over does that lost its tail.
 */
import { migrations, statementsOf } from "../src/database/migrate.ts"
import { Session } from "./session.ts"
import type { Row } from "./store.ts"
import { forbiddenIn } from "./traps.ts"

/** All tables but the one that names the instance, as the migrations of a session made them. */
const tables = new WeakMap<Session, ReadonlyArray<string>>()
const tablesOf = (session: Session): ReadonlyArray<string> => tables.get(session) ?? []

/** Those whose every change is checked. */
const WATCHED = [
  "reconcile_work",
  "reconcile_conditions",
  "dns_records",
  "dns_ledger",
  "dns_tombstones",
  "dns_zones",
  "domain_dns_providers",
  "domain_dns_zone_meta",
  "api_budgets",
  "domains",
  "manifests",
  "kubernetes_objects"
]

export const openTables = async (instance: string): Promise<Session> => {
  const session = await Session.open()
  for (const { text } of migrations()) for (const statement of statementsOf(text)) session.script(statement)
  refuseOwnTime(session)
  session.script(AUDIT)
  for (const table of WATCHED) {
    session.script(`create trigger simulation_audit after insert or update or delete on ${table}
      for each row execute function simulation_audit()`)
  }
  const { rows } = session.query(`select relname as name from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'driftless_instance' order by relname`)
  tables.set(
    session,
    rows.map(({ name }) => String(name))
  )
  session.script("create schema kept")
  for (const table of tablesOf(session)) session.script(`create table kept.${table} as table ${table} with no data`)
  session.query("update driftless_instance set instance_id = $1", [instance])
  return session
}

/** All rows of the tables that are watched. */
export const watchedRows = (session: Session): ReadonlyArray<{ readonly table: string; readonly row: Row }> =>
  WATCHED.flatMap((table) =>
    session.query(`select to_jsonb(t) as row from ${table} t`).rows.map(({ row }) => ({ table, row: row as Row }))
  )

const AUDIT = `create function simulation_audit() returns trigger language plpgsql as $$
begin
  raise notice 'audit %', json_build_object('table', tg_table_name, 'op', tg_op,
    'old', case when tg_op <> 'INSERT' then to_jsonb(old) end, 'new', case when tg_op <> 'DELETE' then to_jsonb(new) end);
  return null;
end $$`

/** Functions and defaults of the schema must take their time from \`driftless_now()\` too. */
const refuseOwnTime = (session: Session): void => {
  const { rows } = session.query(`
    select proname as name, prosrc as text from pg_proc where pronamespace = 'public'::regnamespace and proname <> 'driftless_now'
    union all select adrelid::regclass::text, pg_get_expr(adbin, adrelid) from pg_attrdef
    union all select viewname, definition from pg_views where schemaname = 'public'`)
  for (const { name, text } of rows) {
    const found = forbiddenIn(String(text))
    if (found !== undefined) throw new Error(`${String(name)} in the schema says ${found}`)
  }
}

/** Only what holds pages: to empty a table takes some milliseconds, however empty it is. */
export const emptyTables = (session: Session): void => {
  session.onNotice = () => undefined
  session.script("rollback")
  const { rows } = session.query(`select oid::regclass::text as name from pg_class
    where relkind = 'r' and relnamespace in ('public'::regnamespace, 'kept'::regnamespace) and pg_relation_size(oid) > 0`)
  const touched = new Set(rows.map(({ name }) => String(name)))
  if (session.query("select from pg_attribute where attname = 'simulation_added'").rows.length > 0) {
    session.script("alter table dns_records drop column simulation_added")
    session.forgetPlans()
  }
  const full = tablesOf(session)
    .flatMap((table) => [table, `kept.${table}`])
    .filter((table) => touched.has(table))
  if (full.length > 0) session.script(`truncate ${full.join(", ")} cascade`)
  // Nobody else makes one here: without it the log and the emptied files of all runs stay, and slow the later ones.
  session.script("checkpoint")
  // A number is used up although its row was refused, so these are set back whatever the tables hold.
  session.query("select setval(seqrelid::regclass, seqstart, false) from pg_sequence")
  session.script("update driftless_instance set boot = 0; set driftless.now = ''; set driftless.due = ''")
  session.forgetTime()
}

export const keepTables = (session: Session): void => {
  const copies = tablesOf(session).map(
    (table) => `insert into kept.${table} select ${columnsOf(session, table)} from ${table}`
  )
  session.script(
    `truncate ${tablesOf(session)
      .map((table) => `kept.${table}`)
      .join(", ")}; ${copies.join("; ")}`
  )
}

/** Those that were there from the start, in their order: a migration in mid-run may have added others. */
const columnsOf = (session: Session, table: string): string => {
  const { rows } = session.query(
    `select string_agg(quote_ident(column_name), ', ' order by ordinal_position) as columns
      from information_schema.columns where table_schema = 'kept' and table_name = $1`,
    [table]
  )
  return String(rows[0]?.["columns"])
}

/** Expands the schema in mid-run: a program that does not know the column goes on as before. */
export const expandTables = (session: Session): void => {
  session.script("alter table dns_records add column if not exists simulation_added text")
  session.forgetPlans()
}

/** What came after the copy is gone, and another epoch begins. Sequences go on, as their log runs ahead. */
export const putTablesBack = (session: Session): void => {
  const copies = tablesOf(session).map(
    (table) => `insert into ${table} (${columnsOf(session, table)}) table kept.${table}`
  )
  session.script(`set session_replication_role = replica; truncate ${tablesOf(session).join(", ")} cascade; ${copies.join("; ")};
    update driftless_instance set boot = boot + 1; set session_replication_role = origin`)
}

/** All rows as text: nothing secret may be in it in clear. */
export const dumpTables = (session: Session): string =>
  tablesOf(session)
    .map((table) => JSON.stringify(session.query(`select to_jsonb(t) as row from ${table} t`).rows))
    .join("\n")
