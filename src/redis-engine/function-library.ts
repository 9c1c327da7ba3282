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

/** @param finish Inserts what the text of a script needs last, such as the clock. */
export function libraryOf(functions: readonly LibraryFunction[], finish: (text: string) => string): Library {
  const text = finish(
    [
      'local used_at = 0',
      registration({ name: LAST_USE, flags: 'no-writes', callback: 'function() return used_at end' }),
      registration({ name: CLOCK, flags: 'no-writes', callback: 'function(KEYS) return @TIME@ end' }),
      ...functions.map((one) => registration({ ...one, callback: callbackOf(one.assembled) })),
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

/**
 * The functions of a command are made once, and share the locals that are set with each call: a
 * statement `local a = 1` of the script becomes `a = 1` in a step of the call.
 */
function callbackOf({ always, rare }: Assembled): string {
  const all = [...always, ...rare]
  const inline = inlining(constantsOf(all))
  const isPerCall = (one: Statement) => !isFunction(one) && !isConstant(one)
  const lines = (statements: readonly Statement[]) => statements.map(({ code }) => inline(code))
  const perCall = always.filter((one) => isPerCall(one) && one.rarely.length === 0)
  const declared = new Set(all.flatMap(({ declares }) => declares))
  const rarely = always.flatMap((one) => one.rarely)
  const steps = stepsOf(perCall, declared)
  return [
    '(function()',
    `local KEYS, ARGV, _, rare, ${all
      .filter(isPerCall)
      .flatMap(({ declares }) => declares)
      .join(', ')}`,
    ...lines(all.filter(isFunction)),
    ...(rarely.length > 0
      ? [
          'function rare()',
          ...lines(rare.filter(isPerCall).map(assignment)),
          `return ${rarely.join(', ')}`,
          'end',
        ]
      : []),
    ...steps.flatMap((step, i) => [`local function step_${i}()`, ...lines(step.map(assignment)), 'end']),
    'return function(keys, arguments)',
    'KEYS, ARGV = keys, arguments',
    `local reply = ${steps.map((_, i) => `step_${i}()`).join(' or ')}`,
    'used_at = clock',
    'return reply',
    'end',
    'end)()',
  ].join('\n')
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

/** Puts the values in place of the names of constants: a function has room for 200 locals. */
function inlining(constants: ReadonlyMap<string, string>): (code: string) => string {
  const names = /'[^'\n]*'|"[^"\n]*"|(?<![\w.:])[A-Z][A-Z_]*\b/g
  return (code) => code.replace(names, (name) => constants.get(name) ?? name)
}
