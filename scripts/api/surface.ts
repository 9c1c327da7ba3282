import ts from 'typescript'

/** What the built types of a package show to its users. */
export interface Surface {
  /** Each entry point with its exports in order of their names, in Markdown. */
  readonly report: string
  /** What is mentioned and not exported, and what is exported without a comment. */
  readonly faults: readonly string[]
}

/** @param entries The `.d.ts` files by the names that users import. */
export function surfaceOf(entries: Readonly<Record<string, string>>): Surface {
  const program = ts.createProgram(Object.values(entries), {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: [],
    skipLibCheck: true,
  })
  const checker = program.getTypeChecker()
  const own = new Set(
    program
      .getSourceFiles()
      .filter((f) => !program.isSourceFileFromExternalLibrary(f) && !program.isSourceFileDefaultLibrary(f)),
  )
  const modules = Object.entries(entries).map(([name, file]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)
    const exports = checker.getExportsOfModule(module!).map((symbol) => ({
      name: symbol.name,
      target: symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    }))
    return { name, exports: exports.sort((a, b) => (a.name < b.name ? -1 : 1)) }
  })
  const all = modules.flatMap(({ exports }) => exports)
  const exported = new Set(all.map(({ target }) => target))
  const faults = new Set<string>()

  for (const { name, target } of all) {
    const declarations = target.declarations ?? []
    if (ts.displayPartsToString(target.getDocumentationComment(checker)) === '')
      faults.add(`${name} is exported without a comment.`)
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node)) {
        const found = checker.getSymbolAtLocation(node)
        const symbol = found && found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found
        if (symbol && isOwn(symbol) && !exported.has(symbol))
          faults.add(`${name} mentions ${symbol.name}, which is not exported.`)
      }
      ts.forEachChild(node, visit)
    }
    for (const declaration of declarations) visit(declaration)
  }

  /** Declared at the top level of one of the package's own files. */
  function isOwn(symbol: ts.Symbol): boolean {
    return (symbol.declarations ?? []).some(
      ({ parent, kind }) =>
        kind !== ts.SyntaxKind.TypeParameter && ts.isSourceFile(parent) && own.has(parent),
    )
  }

  const printer = ts.createPrinter({ removeComments: true })
  const textOf = ({ name, target }: (typeof all)[number]) =>
    (target.declarations ?? [])
      .map((declaration) => {
        const text = printer.printNode(ts.EmitHint.Unspecified, declaration, declaration.getSourceFile())
        return name === target.name ? text : `${text}\nexport { ${target.name} as ${name} };`
      })
      .join('\n')
  const chapters = modules.map(({ name, exports }) => {
    const texts = exports.map((one) => textOf(one))
    return `## ${name}\n\n\`\`\`ts\n${texts.join('\n\n')}\n\`\`\`\n`
  })
  return { report: chapters.join('\n'), faults: [...faults].sort() }
}
