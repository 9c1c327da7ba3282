import { createHash } from 'node:crypto'
import { type Assembled, isConstant, type Statement } from './assemble.js'

/**
 * The commands as a library of Redis Functions: Redis makes the functions of a command once, when
 * the library is loaded, and not with each call, as it does for a script.
 * https://redis.io/docs/latest/develop/programmability/functions-intro/
 */
export interface Library {
  /** Names are global in a server: a hash of the text is part of each. */
  readonly name: string
  readonly text: string
}

/** A command of the library. */
export interface LibraryFunction {
  /** Its name without that of the library. */
  readonly name: string
  readonly assembled: Assembled
  readonly flags: string | undefined
}

/** Lua 5.1 lets a function use 60 locals of those around it. The rest is for what `step` adds. */
const LOCALS_A_STEP = 50

/** Returns the moment of the latest call of any command, in epoch ms; 0 for none. */
export const LAST_USE = 'last_use'
/** Returns the server's time. */
export const CLOCK = 'clock'

/**
 * @param ports The commands of each port.
 * @param finish Inserts what the text of a script needs last, such as the clock.
 */
export function libraryOf(
  ports: readonly (readonly LibraryFunction[])[],
  finish: (text: string) => string,
): Library {
  const text = finish(
    [
      'local used_at = 0',
      registration({ name: LAST_USE, flags: 'no-writes', callback: 'function() return used_at end' }),
      registration({ name: CLOCK, flags: 'no-writes', callback: 'function(KEYS) return @TIME@ end' }),
      ...ports.flatMap(groupsOf).map(textOf),
    ].join('\n'),
  )
  const name = `stockhold_${createHash('sha1').update(text).digest('hex').slice(0, 20)}`
  return { name, text: `#!lua name=${name}\n${text.replaceAll('@LIBRARY@', name)}` }
}

function registration({
  name,
  flags,
  callback,
}: {
  name: string
  flags: string | undefined
  callback: string
}) {
  return `redis.register_function{ function_name = '@LIBRARY@_${name}', flags = { ${flags ? `'${flags}'` : ''} }, callback = ${callback} }`
}

/** Commands, and the statements that they share. */
interface Group {
  readonly commands: readonly LibraryFunction[]
  readonly shared: ReadonlySet<Statement>
}

/**
 * The commands of a port share the statements of its concerns: without that the server's Lua would
 * be five times as large, and each call slower, since its garbage collector goes through all of it.
 * A command that gives a name of these another meaning stands apart.
 */
function groupsOf(commands: readonly LibraryFunction[]): Group[] {
  const shared = inSeveral(commands)
  const names = new Set([...shared].flatMap(({ declares }) => declares))
  const isAmong = (command: LibraryFunction) => {
    const own = statementsOf(command).filter((one) => !shared.has(one))
    return own.every(({ declares }) => !declares.some((name) => names.has(name)))
  }
  const apart = commands.filter((command) => !isAmong(command))
  return [
    { commands: commands.filter(isAmong), shared },
    ...apart.map((command) => ({ commands: [command], shared: new Set<Statement>() })),
  ]
}

function inSeveral(commands: readonly LibraryFunction[]): Set<Statement> {
  const once = new Set<Statement>()
  const shared = new Set<Statement>()
  for (const one of commands.flatMap(statementsOf)) (once.has(one) ? shared : once).add(one)
  return shared
}

function statementsOf({ assembled: { always, rare } }: LibraryFunction): Statement[] {
  return [...always, ...rare]
}

/**
 * Functions are made once, and use the locals that are set with each call: a statement `local a =
 * 1` of a script becomes `a = 1` in a step of the call. A Lua function has room for 200 locals, so
 * the shared functions are fields of one.
 */
function textOf({ commands, shared }: Group): string {
  const fields = [...shared].filter(isFunction).flatMap(({ declares }) => declares)
  const inFields = new Map(fields.map((name) => [name, `shared_functions.${name}`]))
  const insert = inserting(new Map([...constantsOf([...shared]), ...inFields]))
  return [
    'do',
    'local shared_functions = {}',
    `local KEYS, ARGV, _${locals([...shared])}`,
    ...[...shared].filter(isFunction).map(({ code }) => insert(code).slice('local '.length)),
    ...commands.map((command) => commandText(command, shared, inFields)),
    'end',
  ].join('\n')
}

function commandText(
  command: LibraryFunction,
  shared: ReadonlySet<Statement>,
  inFields: ReadonlyMap<string, string>,
): string {
  const { always, rare } = command.assembled
  const all = statementsOf(command)
  const own = all.filter((one) => !shared.has(one))
  const insert = inserting(new Map([...constantsOf(all), ...inFields]))
  const lines = (statements: readonly Statement[]) => statements.map(({ code }) => insert(code))
  const perCall = always.filter((one) => isPerCall(one) && one.rarely.length === 0)
  const rarely = always.flatMap((one) => one.rarely)
  const steps = stepsOf(perCall, new Set(all.flatMap(({ declares }) => declares)))
  return [
    'do',
    `local rare${locals(own)}`,
    ...lines(own.filter(isFunction)),
    ...(rarely.length > 0
      ? [
          'function rare()',
          ...lines(rare.filter(isPerCall).map(assignment)),
          insert(`return ${rarely.join(', ')}`),
          'end',
        ]
      : []),
    ...steps.flatMap((step, i) => [`local function step_${i}()`, ...lines(step.map(assignment)), 'end']),
    registration({ ...command, callback: callbackOf(steps.length) }),
    'end',
  ].join('\n')
}

function callbackOf(steps: number): string {
  return [
    'function(keys, arguments)',
    'KEYS, ARGV = keys, arguments',
    `local reply = ${Array.from({ length: steps }, (_, i) => `step_${i}()`).join(' or ')}`,
    'used_at = clock',
    'return reply',
    'end',
  ].join('\n')
}

/** What a call sets, to stand after the name of another local. */
function locals(statements: readonly Statement[]): string {
  return statements
    .filter(isPerCall)
    .flatMap(({ declares }) => declares.map((name) => `, ${name}`))
    .join('')
}

function isPerCall(one: Statement): boolean {
  return !isFunction(one) && !isConstant(one)
}

/** Divides the statements, so that no step uses too many locals. */
function stepsOf(statements: readonly Statement[], declared: ReadonlySet<string>): Statement[][] {
  const steps: Statement[][] = [[]]
  let used = new Set<string>()
  for (const one of statements) {
    const names = [...one.names].filter((name) => declared.has(name))
    if (new Set([...used, ...names]).size > LOCALS_A_STEP) {
      steps.push([])
      used = new Set()
    }
    for (const name of names) used.add(name)
    steps.at(-1)!.push(one)
  }
  return steps
}

function isFunction({ code }: Statement): boolean {
  return code.startsWith('local function')
}

/** `local a = 1` as `a = 1`, and `local a` as `a = nil`. */
function assignment(one: Statement): Statement {
  if (!one.code.startsWith('local ')) return one
  const code = one.code.slice('local '.length)
  return { ...one, code: code.includes('=') ? code : `${code} = nil` }
}

function constantsOf(statements: readonly Statement[]): Map<string, string> {
  return new Map(
    statements.filter(isConstant).flatMap(({ declares, code }) => {
      const values = code.split(' = ')[1]!.split(', ')
      return declares.map((name, i) => [name, values[i]!] as const)
    }),
  )
}

/** Puts texts in place of names; in that of constants, their values: they need no local. */
function inserting(texts: ReadonlyMap<string, string>): (code: string) => string {
  const names = /'[^'\n]*'|"[^"\n]*"|(?<![\w.:])[A-Za-z_]\w*/g
  return (code) => code.replace(names, (name) => texts.get(name) ?? name)
}
