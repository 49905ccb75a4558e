/** The forms in which a command can print: tables for people, JSON, YAML and names for programs. */
import { Flag } from "effect/cli"
import { stringify } from "yaml"

const OUTPUTS = ["table", "wide", "json", "yaml", "name"] as const
export type Output = (typeof OUTPUTS)[number]

export const outputFlag = Flag.Literals("output", OUTPUTS).pipe(
  Flag.withAlias("o"),
  Flag.withDescription("How to print it"),
  Flag.withDefault("table" as const)
)

export const asJson = (value: unknown) => JSON.stringify(value, null, 2)

/** Words that YAML 1.1 reads as something else are quoted, since kubectl reads YAML so. */
export const asYaml = (value: unknown) =>
  stringify(value, { compat: "yaml-1.1", lineWidth: 0, aliasDuplicateObjects: false }).trimEnd()
