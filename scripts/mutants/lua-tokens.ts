type LuaKind = 'name' | 'keyword' | 'number' | 'string' | 'operator'

export interface LuaToken {
  readonly kind: LuaKind
  readonly text: string
  readonly start: number
  readonly end: number
}

const keywords = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
)

/**
 * In this order: a comment before the minus it begins with, longer operators before shorter ones.
 */
const parts: readonly (readonly [LuaKind | 'nothing', RegExp])[] = [
  ['nothing', /\s+/y],
  ['nothing', /--\[(=*)\[[\s\S]*?\]\1\]/y],
  ['nothing', /--[^\n]*/y],
  // Placeholders that are replaced before a script is sent, such as the clock.
  ['name', /@[A-Z_]+@/y],
  ['string', /\[(=*)\[[\s\S]*?\]\1\]/y],
  ['string', /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y],
  ['number', /0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['name', /[A-Za-z_]\w*/y],
  ['operator', /\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.]/y],
]

/** The tokens of a Lua 5.1 text without comments and white space. @throws If the text is no Lua. */
export function luaTokens(text: string): LuaToken[] {
  const tokens: LuaToken[] = []
  for (let at = 0; at < text.length; ) {
    const found = parts.map(([kind, pattern]) => ({ kind, length: lengthAt(pattern, text, at) }))
    const part = found.find(({ length }) => length > 0)
    if (!part) throw new Error(`no Lua at ${JSON.stringify(text.slice(at, at + 20))}`)
    const word = text.slice(at, at + part.length)
    const kind = part.kind === 'name' && keywords.has(word) ? 'keyword' : part.kind
    if (kind !== 'nothing') tokens.push({ kind, text: word, start: at, end: at + part.length })
    at += part.length
  }
  return tokens
}

function lengthAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}
