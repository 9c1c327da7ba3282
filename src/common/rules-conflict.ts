import { StockholdError } from '../errors.js'

type Value = string | number | null

/** Rules as a message names them: `stock["shirt"]` is `500`. `null`: the rule is not set. */
export type NamedRules = ReadonlyMap<string, Value>

/** How many rules one message names: the limits of 10,000 SKUs may differ. */
const MOST_NAMED = 10

/** @param subject The owner of the rules, for example `The sale "shoes"`. */
export function rulesConflict(subject: string, known: NamedRules, wanted: NamedRules): StockholdError {
  const names = [...new Set([...known.keys(), ...wanted.keys()])]
  const differing = names.filter((name) => (known.get(name) ?? null) !== (wanted.get(name) ?? null))
  const named = differing
    .slice(0, MOST_NAMED)
    .map((name) => difference(name, known.get(name) ?? null, wanted.get(name) ?? null))
  const rest = differing.length - named.length
  if (rest > 0) named.push(`and ${rest} more`)
  return new StockholdError(
    'RULES_CONFLICT',
    `${subject} exists with other rules: ${named.join('; ')}. Nothing was changed. Use the same rules or another id.`,
  )
}

function difference(name: string, known: Value, wanted: Value): string {
  return `${name} is ${known ?? 'not set'} (${wanted === null ? 'not given here' : `here ${wanted}`})`
}

/** A moment in epoch ms, as a message shows it: to the millisecond. */
export function shownMoment(moment: number | null): string | null {
  return moment === null ? null : new Date(moment).toISOString()
}
