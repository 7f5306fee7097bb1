#!/usr/bin/env node
import { runProgram } from "../shared/cli/program.ts";
import { createHubProgram } from "./cli/program.ts";

process.exit(await runProgram(createHubProgram(), process.argv));
