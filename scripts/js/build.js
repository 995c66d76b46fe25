// Builds the page's module from nbfeatviz/widgets/panel.js into nbfeatviz/widgets/static/panel.js.
//
//   node build.js           builds it
//   node build.js --watch   builds it again whenever a source changes
//   node build.js --check   fails where it is not what the sources build

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const widgets = fileURLToPath(new URL("../../nbfeatviz/widgets/", import.meta.url));
const target = `${widgets}static/panel.js`;
const UNKNOWN = "version-to-be-computed";

const options = {
  entryPoints: [`${widgets}panel.js`],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  write: false,
  define: { PANEL_VERSION: JSON.stringify(UNKNOWN) },
};

/** The module's text, with a version that its content gives it. comm/frontend.py reads the first line. */
function versioned({ outputFiles: [{ text }] }) {
  const version = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const head = `/* nbfeatviz panel ${version}: built from nbfeatviz/widgets/panel.js, see CONTRIBUTING.md */`;
  return `${head}\n${text.replaceAll(UNKNOWN, version)}`;
}

async function save(result) {
  const text = versioned(result);
  if (text === (await readFile(target, "utf8").catch(() => ""))) return;
  await writeFile(target, text);
  console.log(`${target}: ${(Buffer.byteLength(text) / 1000).toFixed(1)} kB`);
}

if (process.argv.includes("--watch")) {
  const saving = {
    name: "save",
    setup: (build) => build.onEnd((result) => (result.errors.length ? undefined : save(result))),
  };
  const context = await esbuild.context({ ...options, plugins: [saving], logLevel: "info" });
  await context.watch();
} else if (process.argv.includes("--check")) {
  if ((await readFile(target, "utf8")) !== versioned(await esbuild.build(options))) {
    console.error(`${target} is not what the sources build: run \`npm --prefix scripts/js run build\` and commit it.`);
    process.exitCode = 1;
  }
} else {
  await save(await esbuild.build(options));
}
