/** A mistake in the command line: which option, and the rule it breaks. */
export class BadOption extends Error {
  constructor(option: string | undefined, rule: string) {
    super(option === undefined ? rule : `--${option} ${rule}`)
  }
}

export function whole<N extends string>(
  values: Partial<Record<N, string>>,
  name: N,
  standard: number,
  min: number,
  max: number,
): number {
  const text = values[name]
  if (text === undefined) return standard
  // Digits alone (with _ between them, as in 100_000): Number() would take '1e3', '0x10' and ' '.
  const value = /^\d+(_\d+)*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN
  if (value >= min && value <= max) return value
  throw new BadOption(name, `must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

export function decimal<N extends string>(
  values: Partial<Record<N, string>>,
  name: N,
  standard: number,
  above: number,
  max: number,
): number {
  const text = values[name]
  if (text === undefined) return standard
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN
  if (value > above && value <= max) return value
  throw new BadOption(
    name,
    `must be a number greater than ${above}, at most ${max}, not ${JSON.stringify(text)}`,
  )
}
