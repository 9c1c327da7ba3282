import { type LuaToken, luaTokens } from './lua-tokens.js'
import type { Change } from './mutant.js'
import { luaOperators, neighbours, opposites } from './operators.js'

/** Every change of a Lua text. Each result is a valid Lua text. */
export function luaChanges(text: string): Change[] {
  const tokens = luaTokens(text)
  const tuning = tuningOf(text)
  return tokens
    .flatMap((token, at) => [
      ...wordChanges(tokens, token, at).filter(
        ({ kind }) =>
          kind !== 'boundary' || ![-1, 1].some((side) => tuning.names.has(tokens[at + side]!.text)),
      ),
      ...conditionChanges(text, tokens, at),
      ...statementChanges(tokens, at),
    ])
    .filter(({ start }) => !tuning.lines.some(([from, to]) => from <= start && start < to))
}

/**
 * The names that lines `local NAME = value -- tuning` declare, which are not changed, like the
 * `tuning` objects of TypeScript.
 */
function tuningOf(text: string) {
  const found = [...text.matchAll(/^local ([\w, ]+) = .* -- tuning\b.*$/gm)]
  return {
    names: new Set(found.flatMap(([, names]) => names!.split(', '))),
    lines: found.map(({ index, 0: line }) => [index, index + line.length] as const),
  }
}

function wordChanges(tokens: readonly LuaToken[], token: LuaToken, at: number): Change[] {
  const { start, end, text, kind } = token
  const into = (replacement: string, name: string): Change => ({ start, end, replacement, kind: name })
  if (kind === 'number') return neighbours(text).map((each) => into(each.into, each.kind))
  if (kind === 'string') return []
  if (text === 'not') return [into('', 'not')]
  if (text === '-' && !isOperand(tokens[at - 1])) return [into('', 'sign')]
  const opposite = tokens[at - 1]?.text === '.' || kind === 'keyword' ? opposites[text] : undefined
  if (opposite !== undefined) return [into(opposite, 'opposite')]
  if (kind === 'name') return []
  return (luaOperators[text] ?? []).map((each) => into(each.into, each.kind))
}

/** `if`, `elseif` and `while` with the negated condition, unless another change does the same. */
function conditionChanges(text: string, tokens: readonly LuaToken[], at: number): Change[] {
  const word = tokens[at]!.text
  if (tokens[at]!.kind !== 'keyword' || !['if', 'elseif', 'while'].includes(word)) return []
  let close = at + 1
  // A function within a condition could have its own `then`; these scripts have none.
  while (tokens[close]!.text !== (word === 'while' ? 'do' : 'then')) close++
  const condition = tokens.slice(at + 1, close)
  const words = condition.map((token) => (token.kind === 'string' ? '' : token.text))
  const joined = words.includes('and') || words.includes('or')
  if (!joined && words.some((each) => each === 'not' || comparisons.has(each))) return []
  const start = condition[0]!.start
  const end = condition.at(-1)!.end
  return [{ start, end, replacement: `not (${text.slice(start, end)})`, kind: 'condition' }]
}

const comparisons = new Set(['<', '<=', '>', '>=', '==', '~='])

/** Removes statements that are calls or assignments. */
function statementChanges(tokens: readonly LuaToken[], at: number): Change[] {
  if (!beginsStatement(tokens, at)) return []
  const last = tokens[endOfStatement(tokens, at) - 1]!
  return [{ start: tokens[at]!.start, end: last.end, replacement: '', kind: 'statement' }]
}

const openers = new Set(['then', 'do', 'else', 'repeat', ';'])

/**
 * A name behind what ends an expression, or behind what opens a block, begins a call or an
 * assignment.
 */
function beginsStatement(tokens: readonly LuaToken[], at: number): boolean {
  if (tokens[at]!.kind !== 'name') return false
  const previous = tokens[at - 1]
  return !previous || openers.has(previous.text) || isOperand(previous)
}

const ends = new Set(['until', 'else', 'elseif', 'local', 'return', 'break', 'while', 'for', 'if', 'repeat'])

function endOfStatement(tokens: readonly LuaToken[], from: number): number {
  // Blocks and brackets that are open: a function has statements of its own.
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    const { text, kind } = tokens[at]!
    if (depth === 0 && at > from) {
      if (kind === 'keyword' && (ends.has(text) || text === 'end' || text === 'do')) return at
      if (text === ';' || (text === 'function' && isOperand(tokens[at - 1]))) return at
      if (beginsStatement(tokens, at)) return at
    }
    // `for` and `while` open by their `do`, `repeat` closes by `until`.
    if (kind === 'operator' ? '([{'.includes(text) : ['function', 'if', 'do', 'repeat'].includes(text))
      depth++
    else if (kind === 'operator' ? ')]}'.includes(text) : text === 'end' || text === 'until') depth--
  }
  return tokens.length
}

const values = new Set(['end', 'nil', 'true', 'false'])

function isOperand(token: LuaToken | undefined): boolean {
  if (!token) return false
  if (token.kind === 'keyword') return values.has(token.text)
  return token.kind !== 'operator' || [')', ']', '}', '...'].includes(token.text)
}
