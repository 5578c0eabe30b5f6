/** The content of `kernel_info_reply`. */

import type { Json } from "../../wire.js";

export const protocolVersion = "5.5";

export function kernelInfo(versions: { languageVersion: string; implementationVersion: string }): Json {
  return {
    status: "ok",
    protocol_version: protocolVersion,
    implementation: "workbook",
    implementation_version: versions.implementationVersion,
    language_info: {
      name: "typescript",
      version: versions.languageVersion,
      mimetype: "text/typescript",
      file_extension: ".ts",
      pygments_lexer: "typescript",
      codemirror_mode: "typescript",
      nbconvert_exporter: "script",
    },
    banner: `TypeScript ${versions.languageVersion} (workbook ${versions.implementationVersion})`,
    debugger: false,
    supported_features: [],
    help_links: [
      { text: "TypeScript", url: "https://www.typescriptlang.org/docs/" },
      { text: "Node.js", url: "https://nodejs.org/docs/latest/api/" },
      { text: "TensorFlow.js", url: "https://js.tensorflow.org/api/latest/" },
    ],
  };
}
