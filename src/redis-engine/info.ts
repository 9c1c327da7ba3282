/** The fields of the answer to INFO. */
export type Info = ReadonlyMap<string, string>

export function infoFields(text: string): Info {
  return new Map([...text.matchAll(/^([\w-]+):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]))
}

/** `null`: the server does not tell it. */
export function infoNumber(info: Info, name: string): number | null {
  const value = Number(info.get(name) ?? Number.NaN)
  return Number.isFinite(value) ? value : null
}

/** Such as `Redis 7.2.4` or `Valkey 8.1.1`. */
export function infoVersion(info: Info): string {
  const valkey = info.get('valkey_version')
  return valkey === undefined
    ? `Redis ${info.get('redis_version') ?? 'of unknown version'}`
    : `Valkey ${valkey}`
}
