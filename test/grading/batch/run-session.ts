// A batch in a process of its own, for tests that kill it. argv: folder of submissions, folder of results.
import process from "node:process";
import { runSession } from "workbook/grading/batch/session";
import { sessionOptions, tasksIn } from "./fixture.js";

await runSession(tasksIn(process.argv[2]!), sessionOptions(process.argv[3]!));
