#!/usr/bin/env node
import { runProgram } from "../shared/cli/program.ts";
import { keepHeapSmall } from "../shared/runtime/heap.ts";
import { createAgentProgram } from "./cli/program.ts";

keepHeapSmall();
process.exit(await runProgram(createAgentProgram(), process.argv));
