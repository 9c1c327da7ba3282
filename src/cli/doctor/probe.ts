import type { Redis } from 'ioredis'
import { commandsWith } from '../../redis-engine/commands.js'
import { LAST_USE } from '../../redis-engine/function-library.js'
import { type Info, infoFields } from '../../redis-engine/info.js'
import { SERVER_TIME } from '../../redis-engine/script.js'

const tuning = {
  /** How often the time of an answer is measured. */
  trips: 21,
  /** A library that was not used for so long is removed. ms */
  unusedMs: 86_400_000,
}

/** What a server has told of itself. What the user may not ask is missing. */
export interface Probe {
  /** `host:port` */
  readonly address: string
  /** The fields of INFO. */
  readonly info: Info
  /** The settings that CONFIG GET has told. */
  readonly config: ReadonlyMap<string, string>
  /** Commands of the scripts that the user may not run; `undefined`: no script may run. */
  readonly denied: readonly string[] | undefined
  /** ms from a question to its answer, ascending. */
  readonly trips: readonly number[]
  /** How far the server's clock is ahead of this machine's, in ms. */
  readonly ahead: number
  /** Function libraries of this product; `undefined`: the user may not list them. */
  readonly libraries: readonly Library[] | undefined
}

/** A function library of this product. */
interface Library {
  readonly name: string
  /** `own`: this version's. `removed`: it was not used for a day. */
  readonly state: 'own' | 'in_use' | 'removed' | 'not_removed'
}

/** Asks a server. @param prefix The keys to which the rights must extend. */
export async function probe(server: Redis, address: string, prefix: string): Promise<Probe> {
  const info = infoFields(await server.info())
  const { trips, ahead } = await timed(server)
  return {
    ...{ address, info, trips, ahead },
    config: await settings(server),
    denied: await deniedTo(server, prefix),
    libraries: await librariesOf(server, Number(info.get('uptime_in_seconds') ?? 0) * 1_000),
  }
}

async function timed(server: Redis): Promise<Pick<Probe, 'trips' | 'ahead'>> {
  const trips: number[] = []
  let ahead = 0
  for (let i = 0; i < tuning.trips; i++) {
    const [at, sentAt] = [performance.now(), Date.now()]
    const [seconds, micros] = await server.time()
    const trip = performance.now() - at
    // The quickest answer tells the clock best.
    if (trips.every((other) => trip < other))
      ahead = Number(seconds) * 1_000 + Number(micros) / 1_000 - sentAt - trip / 2
    trips.push(trip)
  }
  return { trips: trips.sort((a, b) => a - b), ahead: Math.round(ahead) }
}

async function settings(server: Redis): Promise<Map<string, string>> {
  const known = new Map<string, string>()
  for (const name of ['appendfsync', 'aof-load-truncated', 'save']) {
    const answer = await server.config('GET', name).catch(() => [])
    if (Array.isArray(answer) && typeof answer[1] === 'string') known.set(name, answer[1])
  }
  return known
}

/** Names no key: each node of a Cluster runs it, and the answer says what the user may do. */
const ASK_RIGHTS = `local denied = {}
local key = table.remove(ARGV, 1)
for _, command in ipairs(ARGV) do
  if not redis.acl_check_cmd(command, key, key, key, key) then denied[#denied + 1] = command end
end
return denied`

/** The scripts' own commands, from their texts. */
function commandsOfScripts(): string[] {
  const { text } = commandsWith(SERVER_TIME).library
  return [...new Set([...text.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map(([, command]) => command!))].sort()
}

async function deniedTo(server: Redis, prefix: string): Promise<string[] | undefined> {
  const key = `{${encodeURIComponent(prefix)}:doctor}:none`
  try {
    return (await server.eval(ASK_RIGHTS, 0, key, ...commandsOfScripts())) as string[]
  } catch {
    return undefined
  }
}

async function librariesOf(server: Redis, uptimeMs: number): Promise<Library[] | undefined> {
  const own = commandsWith(SERVER_TIME).library.name
  let names: string[]
  try {
    const listed = (await server.function('LIST', 'LIBRARYNAME', 'stockhold_*')) as unknown[]
    names = listed.map(nameIn).filter((name) => /^stockhold_[\da-f]{20}$/.test(name))
  } catch {
    return undefined
  }
  const libraries: Library[] = []
  for (const name of names) {
    if (name === own) libraries.push({ name, state: 'own' })
    else if (await isInUse(server, name, uptimeMs)) libraries.push({ name, state: 'in_use' })
    else {
      const removed = await server.function('DELETE', name).then(
        () => true,
        () => false,
      )
      libraries.push({ name, state: removed ? 'removed' : 'not_removed' })
    }
  }
  return libraries
}

/** A reply of RESP2 is a list of names and values, one of RESP3 an object. */
function nameIn(library: unknown): string {
  if (!Array.isArray(library)) return String((library as { library_name?: unknown }).library_name)
  return String(library[library.indexOf('library_name') + 1])
}

/** A server forgets the last use when it restarts: then its uptime counts. */
async function isInUse(server: Redis, name: string, uptimeMs: number): Promise<boolean> {
  const [seconds] = await server.time()
  const used = Number(await server.fcall(`${name}_${LAST_USE}`, 0).catch(() => Number.NaN))
  if (used === 0) return uptimeMs < tuning.unusedMs
  return !(Number(seconds) * 1_000 - used > tuning.unusedMs)
}
