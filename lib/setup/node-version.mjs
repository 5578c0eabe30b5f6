// Nothing newer than Node 14 may stand in this file, so that an old Node gets a sentence instead of a syntax error.
import process from "node:process";

export const oldestNode = "20.19.0";

/** True when this Node will do; otherwise says so. */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  const [wantedMajor, wantedMinor] = oldestNode.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return true;
  process.stderr.write(
    `workbook: expected Node.js ${oldestNode} or newer, got ${version}; get one from https://nodejs.org, or with \`nvm install 24\`\n`,
  );
  return false;
}
