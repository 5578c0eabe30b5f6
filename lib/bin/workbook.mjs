#!/usr/bin/env node
// Compiles lib/ when a source is newer than what was compiled, then hands over to lib/cli.ts.
// The doctor also works where nothing compiles.
import process from "node:process";
import { buildIfStale } from "../setup/build.mjs";

if (buildIfStale()) {
  const { cli } = await import("../dist/lib/cli.js");
  process.exitCode = await cli(process.argv.slice(2));
} else if (process.argv[2] === "doctor") {
  const { report } = await import("../setup/doctor.mjs");
  process.exitCode = await report({ json: process.argv.includes("--json") });
} else {
  process.exitCode = 2;
}
