/** Fails when anything that index.d.ts exports, or that is reachable from it, has the type `any`. */

import { dirname, join } from 'node:path';

import ts from 'typescript';

const entry = join(dirname(import.meta.dirname), 'dist', 'index.d.ts');
const program = ts.createProgram([entry], { strict: true, module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 });
const checker = program.getTypeChecker();
const own = (file: ts.SourceFile) => file.fileName.startsWith(dirname(entry));
const reached = new Set<ts.SourceFile>();
const found: string[] = [];

/** The files that the public declarations take types from. */
function reach(file: ts.SourceFile): void {
  if (reached.has(file) || !own(file)) return;
  reached.add(file);
  ts.forEachChild(file, (node) => {
    const specifier = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier;
    const target = specifier && checker.getSymbolAtLocation(specifier)?.valueDeclaration;
    if (target && ts.isSourceFile(target)) reach(target);
  });
}

/** A field whose type is written, unlike the mark that stands for private ones. */
function isField(node: ts.Node): boolean {
  return ts.isPropertyDeclaration(node) && !ts.isPrivateIdentifier(node.name);
}

function look(node: ts.Node, file: ts.SourceFile): void {
  const isTyped = ts.isTypeNode(node) || ts.isParameter(node) || ts.isPropertySignature(node) || isField(node);
  if (ts.isTemplateLiteralTypeSpan(node)) return look(node.type, file);
  if (node.kind === ts.SyntaxKind.AnyKeyword || (isTyped && checker.getTypeAtLocation(node).flags & ts.TypeFlags.Any)) {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    found.push(`${file.fileName}:${line + 1}: ${node.getText(file)}`);
  }
  ts.forEachChild(node, (child) => look(child, file));
}

reach(program.getSourceFile(entry)!);
for (const file of reached) look(file, file);
if (reached.size < 8 || found.length > 0) {
  process.stderr.write(`${reached.size} files reached; \`any\` in:\n${found.join('\n')}\n`);
  process.exit(1);
}
