/** The Lua texts that scripts can include, by name. */
export type Concerns = Readonly<Record<string, string>>

/** A statement at the outermost level, with the comment above it. */
export interface Statement {
  readonly text: string
  /** The text without comments and indents. */
  readonly code: string
  /** The locals that it declares; a statement that declares none is executed for its effect. */
  readonly declares: readonly string[]
  /** Every name in it, including names of fields and parameters. */
  readonly names: ReadonlySet<string>
  /** The names in a line `-- @rarely a, b`. */
  readonly rarely: readonly string[]
}

/** The statements of a script in their order, with those of the concerns that it includes. */
export interface Assembled {
  /** What each call needs. */
  readonly always: readonly Statement[]
  /** What a call needs that asks for it by `rare()`. */
  readonly rare: readonly Statement[]
}

/**
 * Assembles a command from its own text and from the concerns that it includes.
 *
 * - `-- @include a, b` names concerns. Each is inserted once, after those that it includes itself.
 * - Statements that the command's own do not reach are left out.
 * - `-- @rarely a, b` stands for a function `rare`, which returns `a` and `b`: what only these
 *   reach is made by the calls that need it.
 *
 * @throws {Error} for a cycle, an unknown concern, or a name that is declared twice.
 */
export function assemble(text: string, concerns: Concerns): Assembled {
  const statements = inOrder(text, concerns).flatMap(statementsOf)
  const declared = declarations(statements)
  const roots = statements.filter(({ declares }) => declares.length === 0)
  const always = reach(roots, declared)
  const wanted = statements.flatMap(({ rarely }) => rarely)
  const all = reach([...always, ...wanted.map((name) => declared.get(name)!)], declared)
  return {
    always: statements.filter((one) => always.has(one)),
    rare: statements.filter((one) => all.has(one) && !always.has(one)),
  }
}

/**
 * The command as a script. Each call makes the functions of its script again, which is most of the
 * cost of a small call: so `rare` makes its functions when it is called. It declares the constants
 * that it names once more: a Lua function can use 60 locals of the functions around it.
 */
export function scriptOf({ always, rare }: Assembled): string {
  const names = new Set(rare.flatMap((one) => [...one.names]))
  const constants = always.filter((one) => isConstant(one) && one.declares.some((name) => names.has(name)))
  return always
    .map(({ text, rarely }) => (rarely.length === 0 ? text : rareFunction([...constants, ...rare], rarely)))
    .join('\n')
}

/** `local A, B = 1, 2`: its names are in capitals, and stand for numbers. */
export function isConstant({ code }: Statement): boolean {
  return /^local [A-Z_]+(, [A-Z_]+)* = \d+(, \d+)*$/.test(code)
}

/** The names after `-- @include`, of all such lines. */
export function includesOf(text: string): string[] {
  return [...text.matchAll(/^-- @include (.*)$/gm)].flatMap(([, names]) => names!.split(', '))
}

/** All included texts, each once, and last the text itself. */
function inOrder(text: string, concerns: Concerns): string[] {
  const done = new Set<string>()
  const visit = (each: string, path: readonly string[]): void => {
    if (done.has(each)) return
    for (const name of includesOf(each)) {
      const included = concerns[name]
      const trail = [...path, name]
      if (included === undefined) throw new Error(`No concern is named ${name}: ${trail.join(' > ')}`)
      if (path.includes(name)) throw new Error(`Concerns include each other: ${trail.join(' > ')}`)
      visit(included, trail)
    }
    done.add(each)
  }
  visit(text, [])
  return [...done]
}

const parsed = new Map<string, readonly Statement[]>()

/**
 * Outermost statements begin in the first column; a closing token in the first column belongs to
 * the statement it closes.
 */
export function statementsOf(text: string): readonly Statement[] {
  const known = parsed.get(text)
  if (known) return known
  const found: string[][] = []
  const above: string[] = []
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('-- @rarely ')) found.push([...above.splice(0), line])
    else if (line === '' || line.startsWith('--')) above.push(line)
    else if (/^(\s|end\b|else|until\b|\)|\})/.test(line)) found.at(-1)!.push(...above.splice(0), line)
    else found.push([...above.splice(0), line])
  }
  const statements = found.map((lines) => statementOf(lines.join('\n')))
  parsed.set(text, statements)
  return statements
}

function statementOf(text: string): Statement {
  const code = codeOf(text)
  const local = /^local (?:function (\w+)|([\w,\s]+?)(?:\s=|$))/.exec(code)
  return {
    text,
    code,
    declares: (local?.[1] ?? local?.[2])?.split(/,\s*/).filter((name) => name !== '_') ?? [],
    names: new Set(code.replace(/'[^'\n]*'|"[^"\n]*"/g, '').match(/(?<![\w.:])[A-Za-z_]\w*/g)),
    rarely: /^-- @rarely (.*)$/m.exec(text)?.[1]?.split(', ') ?? [],
  }
}

function codeOf(text: string): string {
  const code = text.replace(/('[^'\n]*'|"[^"\n]*")|--.*$/gm, (_, string) => string ?? '')
  const lines = code.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '').join('\n')
}

function declarations(statements: readonly Statement[]): Map<string, Statement> {
  const declared = new Map<string, Statement>()
  for (const one of statements) {
    for (const name of one.declares) {
      if (declared.has(name)) throw new Error(`${name} is declared twice`)
      declared.set(name, one)
    }
  }
  return declared
}

/** The statements, and the statements that declare the names they use, recursively. */
function reach(from: Iterable<Statement>, declared: ReadonlyMap<string, Statement>): Set<Statement> {
  const reached = new Set(from)
  for (const { names } of reached) {
    for (const name of names) {
      const one = declared.get(name)
      if (one) reached.add(one)
    }
  }
  return reached
}

function rareFunction(statements: readonly Statement[], names: readonly string[]): string {
  const body = statements.map(({ text }) => text).join('\n')
  return `local function rare()\n${body}\nreturn ${names.join(', ')}\nend`
}
