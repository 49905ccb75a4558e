#!/usr/bin/env node
// The line that closes a run: how many tests the result files of vitest in this folder tell of. Fails where none passed.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const folder = process.argv[2]
const results = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")))
const sum = (count) => results.reduce((total, result) => total + count(result), 0)
const passed = sum((result) => result.numPassedTests)
const failed = sum((result) => result.numFailedTests)
const skipped = sum((result) => result.numPendingTests + result.numTodoTests)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = passed > 0 && failed === 0 ? 0 : 1
