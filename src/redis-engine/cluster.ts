import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import { NotReadyError } from '../errors.js'
import { connectionOf, connectionTo } from './connection.js'
import { run } from './driver.js'
import { failure, replyCode } from './failure.js'
import type { Script } from './script.js'
import { slotOf } from './slot.js'

/**
 * The way to the partitions of a Redis Cluster.
 *
 * Left to itself, ioredis' Cluster sends a command again (and to a node chosen at random) when the
 * connection breaks, and answers in the end with "Too many Cluster redirections", or "Connection is
 * closed." for what was never written and for what was executed alike. So a call that may not be
 * sent twice unnoticed goes to one node directly, once, by a connection that is there. What ioredis
 * is left to do is to find the way: with a script that does nothing, as often as it likes.
 */

const tuning = {
  /**
   * After a refusal the slot is left alone for so long, and for twice as long after each further
   * one: the search may find a way by which the next call is refused all the same. ms
   */
  firstPauseMs: 5,
  longestPauseMs: 200,
}
/**
 * When a call is unanswered for so long, the node is asked for that the others hold to be the
 * master.
 */
const OVERDUE_MS = 1_000
/** Refusals that say nothing of the call, but of the way to its slot. Nothing was executed. */
const misrouted = new Set(['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN', 'READONLY'])

/** A slot in which a call was refused, until a call with the same keys is served. */
interface RefusedSlot {
  /** The keys of the refused call. */
  readonly keys: string[]
  readonly pauseMs: number
  /** No call is sent: the search has not found a way for a script with these keys. */
  isClosed: boolean
}

/** What is known of the ways through one client. */
interface Ways {
  readonly refused: Map<number, RefusedSlot>
  /** One search a slot, for all who wait for it. */
  readonly searches: Map<number, Promise<void>>
  askedAt: number
}

const known = new WeakMap<Cluster, Ways>()

function waysOf(cluster: Cluster): Ways {
  const before = known.get(cluster)
  if (before) return before
  const fresh: Ways = { refused: new Map(), searches: new Map(), askedAt: Number.NEGATIVE_INFINITY }
  known.set(cluster, fresh)
  return fresh
}

/** The connection to the master of these keys, or what to wait for until there may be one. */
export function masterFor(cluster: Cluster, keys: string[]): Redis | Promise<void> {
  const connecting = connectionTo(cluster).ready()
  if (connecting) return connecting
  const ways = waysOf(cluster)
  const slot = slotOf(withPrefix(cluster, keys[0]!))
  const master = ways.refused.get(slot)?.isClosed ? undefined : connectedMaster(cluster, slot)
  if (master) return master
  let search = ways.searches.get(slot)
  if (!search) {
    search = find(cluster, ways, slot, keys).finally(() => ways.searches.delete(slot))
    ways.searches.set(slot, search)
  }
  return search
}

/**
 * Runs a script on the master of its keys, once.
 *
 * @param admit What to wait for before a node may be used; `undefined` if it may be now.
 * @throws {StockholdError} A `NotReadyError` if the way to the master is lost, or was before the
 *   script was sent: the next `masterFor` looks for it.
 */
export async function runOnCluster(
  cluster: Cluster,
  admit: (node: Redis) => Promise<void> | undefined,
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
      run(node, script, keys, argument, () => admit(master)),
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

/** @param waiting What `ready` waits for; the caller of `ready` hears how it ends. */
function noMaster(cluster: Cluster, waiting: Promise<void>): NotReadyError {
  waiting.catch(() => {})
  return new NotReadyError(
    'The cluster has no master for this slot that can be reached. Nothing was executed.',
    connectionTo(cluster).trouble?.cause ?? new Error('No node is known to serve it.'),
  )
}

function refused(cluster: Cluster, keys: string[]): void {
  const slots = waysOf(cluster).refused
  const slot = slotOf(withPrefix(cluster, keys[0]!))
  const before = slots.get(slot)
  if (before?.isClosed) return
  const pauseMs = before ? Math.min(2 * before.pauseMs, tuning.longestPauseMs) : tuning.firstPauseMs
  slots.set(slot, { keys, pauseMs, isClosed: true })
}

function served(cluster: Cluster, keys: string[]): void {
  const slots = waysOf(cluster).refused
  if (slots.size === 0) return
  const slot = slotOf(withPrefix(cluster, keys[0]!))
  const before = slots.get(slot)
  if (before && !before.isClosed && `${before.keys}` === `${keys}`) slots.delete(slot)
}

/**
 * A call to a node that must be heard of, whatever becomes of the node. One that hangs never tells
 * that another has taken over; so the others are asked. And a connection that was being made anew
 * when its node left the cluster is dropped by ioredis with all that waits for it: such calls
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
 * Who serves what is asked of the nodes again: by a connection of its own, while everything else
 * goes on.
 */
function refreshSlots(cluster: Cluster): void {
  const ways = waysOf(cluster)
  const now = performance.now()
  if (cluster.status !== 'ready' || now - ways.askedAt < OVERDUE_MS / 2) return
  ways.askedAt = now
  cluster.refreshSlotsCache()
}

/**
 * Looks for the master of a slot until there is one that serves these keys. Only the end of the
 * client ends it otherwise.
 */
async function find(cluster: Cluster, ways: Ways, slot: number, keys: string[]): Promise<void> {
  const latest = ways.refused.get(slot)
  if (latest?.isClosed) await delay(latest.pauseMs, undefined, { ref: false })
  for (let pause = 10; ; pause = Math.min(2 * pause, 500)) {
    await connectionTo(cluster).ready()
    const refusal = ways.refused.get(slot)
    const isServed = await serves(cluster, refusal?.keys ?? keys)
    if (isServed && refusal) refusal.isClosed = false
    if (isServed && connectedMaster(cluster, slot)) return
    refreshSlots(cluster)
    await delay(pause, undefined, { ref: false })
  }
}

const NOTHING = '#!lua flags=no-writes\nreturn 1'

/**
 * Whether a script with these keys is executed somewhere. On the way there, ioredis learns who the
 * master is, and connects to it.
 */
async function serves(cluster: Cluster, keys: string[]): Promise<boolean> {
  const answer = unpipelined(cluster).eval(NOTHING, keys.length, ...keys)
  const served = answer.then(
    () => true,
    (error) => {
      // Any other refusal was given where the call itself would be; it will be told the same.
      const code = replyCode(error)
      return code !== undefined && !misrouted.has(code)
    },
  )
  // What waits for a connection that ioredis gives up while it makes it anew is never answered at
  // all.
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

/** What it resolves with, or false if that is not until then. */
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
 * The same client with other options, and without pipelines of its own making: in a cluster those
 * resend what they carry, refuse what belongs to several nodes, and throw where a slot has no node.
 * Its commands are made by the client's own version of ioredis.
 */
function viewOf<C extends Redis | Cluster>(client: C, options: C['options']): C {
  return Object.create(client, {
    options: { value: { ...options, enableAutoPipelining: false } },
    sendCommand: { value: (...sent: Parameters<Redis['sendCommand']>) => client.sendCommand(...sent) },
  })
}
