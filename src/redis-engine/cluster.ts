import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import { NotReadyError } from '../errors.js'
import { connectionOf, connectionTo } from './connection.js'
import { run } from './driver.js'
import { failure, replyCode } from './failure.js'
import type { Functions } from './function-loading.js'
import type { Script } from './script.js'
import { slotOf } from './slot.js'

/**
 * Routes calls to the partitions of a Redis Cluster.
 *
 * Left to itself, ioredis' Cluster resends a command (to a node chosen at random) when the
 * connection breaks. In the end it reports "Too many Cluster redirections" or "Connection is
 * closed.", both for commands that were never written and for commands that were executed. So a
 * call that must not be sent twice unnoticed goes to one node directly, once, by a connection that
 * exists. ioredis is used only to find the route: with a script that does nothing, as often as it
 * likes.
 */

const tuning = {
  /**
   * After a refusal the slot is not used for this time, and for twice as long after each further
   * refusal: the search may find a route by which the next call is refused again. ms
   */
  firstPauseMs: 5,
  longestPauseMs: 200,
}
/** If a call is unanswered for this time, the other nodes are asked which node is the master. */
const OVERDUE_MS = 1_000
/** Refusals that do not concern the call, but the route to its slot. Nothing was executed. */
const misrouted = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN', 'READONLY'])

/** A slot in which a call was refused, until a call with the same keys is served. */
interface RefusedSlot {
  /** The keys of the refused call. */
  readonly keys: string[]
  readonly pauseMs: number
  /** No call is sent: the search has not found a route for a script with these keys. */
  isClosed: boolean
}

/** The known routes through one client. */
interface Routes {
  readonly refused: Map<number, RefusedSlot>
  /** One search for each slot, shared by all calls that wait for it. */
  readonly searches: Map<number, Promise<void>>
  askedAt: number
}

const known = new WeakMap<Cluster, Routes>()

function routesOf(cluster: Cluster): Routes {
  const before = known.get(cluster)
  if (before) return before
  const fresh: Routes = { refused: new Map(), searches: new Map(), askedAt: Number.NEGATIVE_INFINITY }
  known.set(cluster, fresh)
  return fresh
}

/** The connection to the master of these keys, or a promise to wait for before asking again. */
export function masterFor(cluster: Cluster, keys: string[]): Redis | Promise<void> {
  const connecting = connectionTo(cluster).ready()
  if (connecting) return connecting
  const routes = routesOf(cluster)
  const slot = slotOf(withPrefix(cluster, keys[0]!))
  const master = routes.refused.get(slot)?.isClosed ? undefined : connectedMaster(cluster, slot)
  if (master) return master
  let search = routes.searches.get(slot)
  if (!search) {
    search = find(cluster, routes, slot, keys).finally(() => routes.searches.delete(slot))
    routes.searches.set(slot, search)
  }
  return search
}

/**
 * Runs a script on the master of its keys, once.
 *
 * @param admit The promise to wait for before a node may be used; `undefined` if it may be used
 *   now.
 * @throws {StockholdError} A `NotReadyError` if the route to the master is lost, or was lost before
 *   the script was sent: the next `masterFor` searches for it.
 */
export async function runOnCluster(
  cluster: Cluster,
  admit: (node: Redis) => Promise<void> | undefined,
  functions: Functions,
  script: Script,
  keys: string[],
  argument: Buffer,
): Promise<unknown[]> {
  const master = masterFor(cluster, keys)
  if (master instanceof Promise) throw noMaster(cluster, master)
  const admission = admit(master)
  if (admission) throw noMaster(cluster, admission)
  const connection = connectionOf(master)
  try {
    const node = directly(cluster, master)
    const reply = await watched(
      cluster,
      master,
      run(node, functions, script, keys, argument, () => admit(master)),
    )
    served(cluster, keys)
    return reply
  } catch (error) {
    const resent = connectionOf(master) !== connection
    const refusal = failure(error, script.effect, resent)
    if (resent || !misrouted.has(replyCode(error) ?? '')) throw refusal
    refused(cluster, keys)
    throw new NotReadyError(refusal.message, refusal.cause)
  }
}

/** @param waiting The promise that `ready` returns; the caller of `ready` gets its result. */
function noMaster(cluster: Cluster, waiting: Promise<void>): NotReadyError {
  waiting.catch(() => {})
  return new NotReadyError(
    'The cluster has no master for this slot that can be reached. Nothing was executed.',
    connectionTo(cluster).lastError?.cause ?? new Error('No node is known to serve it.'),
  )
}

function refused(cluster: Cluster, keys: string[]): void {
  const slots = routesOf(cluster).refused
  const slot = slotOf(withPrefix(cluster, keys[0]!))
  const before = slots.get(slot)
  if (before?.isClosed) return
  const pauseMs = before ? Math.min(2 * before.pauseMs, tuning.longestPauseMs) : tuning.firstPauseMs
  slots.set(slot, { keys, pauseMs, isClosed: true })
}

function served(cluster: Cluster, keys: string[]): void {
  const slots = routesOf(cluster).refused
  if (slots.size === 0) return
  const slot = slotOf(withPrefix(cluster, keys[0]!))
  const before = slots.get(slot)
  if (before && !before.isClosed && `${before.keys}` === `${keys}`) slots.delete(slot)
}

/**
 * Settles a call to a node whatever happens to the node. A node that hangs never reports that
 * another has taken over, so the other nodes are asked. If a connection was being re-established
 * when its node left the cluster, ioredis drops it with all commands that wait for it: such calls
 * settle here.
 */
export function watched<T>(cluster: Cluster, node: Redis, call: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setInterval(() => {
      refreshSlots(cluster)
      if (!cluster.nodes().includes(node)) settle(() => reject(new Error('The node has left the cluster.')))
    }, OVERDUE_MS)
    timer.unref()
    const settle = (end: () => void) => {
      clearInterval(timer)
      end()
    }
    call.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    )
  })
}

/**
 * Asks the nodes again which of them serves which slot: by a separate connection, while all other
 * calls continue.
 */
function refreshSlots(cluster: Cluster): void {
  const routes = routesOf(cluster)
  const now = performance.now()
  if (cluster.status !== 'ready' || now - routes.askedAt < OVERDUE_MS / 2) return
  routes.askedAt = now
  cluster.refreshSlotsCache()
}

/**
 * Searches for the master of a slot until a node serves these keys. Otherwise only closing the
 * client ends the search.
 */
async function find(cluster: Cluster, routes: Routes, slot: number, keys: string[]): Promise<void> {
  const latest = routes.refused.get(slot)
  if (latest?.isClosed) await delay(latest.pauseMs, undefined, { ref: false })
  for (let pause = 10; ; pause = Math.min(2 * pause, 500)) {
    await connectionTo(cluster).ready()
    const refusal = routes.refused.get(slot)
    const isServed = await serves(cluster, refusal?.keys ?? keys)
    if (isServed && refusal) refusal.isClosed = false
    if (isServed && connectedMaster(cluster, slot)) return
    refreshSlots(cluster)
    await delay(pause, undefined, { ref: false })
  }
}

const NOTHING = '#!lua flags=no-writes\nreturn 1'

/**
 * Whether any node executes a script with these keys. In the process, ioredis learns which node is
 * the master, and connects to it.
 */
async function serves(cluster: Cluster, keys: string[]): Promise<boolean> {
  const answer = unpipelined(cluster).eval(NOTHING, keys.length, ...keys)
  const served = answer.then(
    () => true,
    (error) => {
      // Any other refusal came from the node that serves the call; the call will get the same
      // refusal.
      const code = replyCode(error)
      return code !== undefined && !misrouted.has(code)
    },
  )
  // If ioredis gives up a connection while re-establishing it, commands that wait for it are never
  // answered.
  return within(performance.now() + OVERDUE_MS, served)
}

function connectedMaster(cluster: Cluster, slot: number): Redis | undefined {
  const address = cluster.slots[slot]?.[0]
  if (address === undefined) return undefined
  for (const node of cluster.nodes('master')) {
    if (node.status === 'ready' && addressOf(node) === address) return node
  }
  return undefined
}

export function addressOf(node: Redis): string {
  return `${node.options.host}:${node.options.port}`
}

function withPrefix(cluster: Cluster, key: string): string {
  return `${cluster.options.keyPrefix ?? ''}${key}`
}

/** The value of the promise, or false if it does not resolve by then. */
function within(end: number, event: Promise<boolean>): Promise<boolean> {
  const timeout = new AbortController()
  const { signal } = timeout
  const late = delay(Math.max(1, end - performance.now()), false, { signal }).catch(() => false)
  return Promise.race([event, late]).finally(() => timeout.abort())
}

const direct = new WeakMap<Redis, Redis>()

/** A node's connection for commands of the cluster's client: with its prefix for keys. */
function directly(cluster: Cluster, node: Redis): Redis {
  let view = direct.get(node)
  if (!view) {
    view = viewOf(node, { ...node.options, keyPrefix: cluster.options.keyPrefix ?? '' })
    direct.set(node, view)
  }
  return view
}

function unpipelined(cluster: Cluster): Cluster {
  return viewOf(cluster, cluster.options)
}

/**
 * The same client with other options, and without automatic pipelining: in a cluster such pipelines
 * resend their commands, refuse commands for several nodes, and throw if a slot has no node. Its
 * commands are created by the client's own version of ioredis.
 */
function viewOf<C extends Redis | Cluster>(client: C, options: C['options']): C {
  return Object.create(client, {
    options: { value: { ...options, enableAutoPipelining: false } },
    sendCommand: { value: (...sent: Parameters<Redis['sendCommand']>) => client.sendCommand(...sent) },
  })
}
