import { setTimeout as delay } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { freePort } from '../machine.js'
import { type RedisOptions, type RedisServer, startRedis } from './server.js'

export interface ClusterNode {
  readonly server: RedisServer
  /** The node's own name in the cluster. */
  readonly id: string
  /** `host:port`, as the cluster names it. */
  readonly address: string
  /** A connection to this node alone; it comes back when the node does. */
  readonly admin: Redis
}

/** The options of the ioredis cluster. */
export type ClientOptions = NonNullable<ConstructorParameters<typeof Cluster>[1]>

export interface RedisCluster {
  readonly nodes: readonly ClusterNode[]
  /** A client of the whole cluster. It ends with the cluster. */
  client(options?: ClientOptions): Cluster
  /** The master of a slot, or of the slot of a key, as seen by the nodes that answer. */
  masterOf(slotOrKey: number | string): Promise<ClusterNode>
  replicasOf(master: ClusterNode): Promise<ClusterNode[]>
  /**
   * Migrates a slot under load, key by key, as resharding does. The functions of `between` are
   * called on the way.
   */
  migrateSlot(slot: number, to: ClusterNode, between?: SlotMove): Promise<void>
  /** Makes a replica the master, without any loss. */
  switchOver(master: ClusterNode): Promise<ClusterNode>
  /**
   * Makes its replica the master whatever data it has, also if the old master is gone, as the nodes
   * do by themselves.
   */
  takeOver(master: ClusterNode): Promise<ClusterNode>
  /** Until {@link settled}, a node that does not answer counts as failed after half a second. */
  watchful(): Promise<void>
  /** Restarts every killed node, and continues every stopped one. */
  revive(): Promise<void>
  /**
   * Resolves once every slot has a master, all nodes agree on it, and the replicas have the data of
   * their masters.
   */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** What happens while a slot is open: before its keys go, and when they have gone. */
interface SlotMove {
  readonly opened?: () => Promise<unknown>
  readonly halfway?: () => Promise<unknown>
  readonly moved?: () => Promise<unknown>
}

/** Of `config` and `functions`: the same for every node, on top of what a small cluster needs. */
export interface RedisClusterOptions extends Pick<RedisOptions, 'config' | 'functions' | 'log'> {
  /** @default 3 */
  masters?: number
  /** Of each master. @default 1 */
  replicas?: number
}

const SLOTS = 16_384
const startLimit = 120_000
/**
 * A silent node counts as failed after this time while a cluster is formed, and where a test waits
 * for a failure. ms
 */
const WATCHFUL_MS = 500
/** The same at all other times: on a busy machine a node may be silent for long. ms */
const CALM_MS = 120_000
/** By then the nodes have given up a switch-over. ms */
const SWITCH_MS = 6_000

/** Starts a Redis Cluster on free ports; it does not outlive this process, however that ends. */
export async function startCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters: count = 3, replicas = 1 } = options
  const starting = Array.from({ length: count * (1 + replicas) }, () => startNode(options))
  const begun = await Promise.allSettled(starting)
  const nodes = begun.flatMap((node) => (node.status === 'fulfilled' ? [node.value] : []))
  const cluster = new RunningCluster(nodes)
  try {
    const failed = begun.find((node) => node.status === 'rejected')
    if (failed) throw failed.reason
    await introduce(nodes)
    await assign(nodes, count)
    await cluster.settled()
  } catch (error) {
    await cluster.stop()
    throw error
  }
  options.log?.(`a cluster of ${nodes.length} nodes: ${nodes.map(({ address }) => address).join(', ')}`)
  return cluster
}

async function startNode({ config = {}, functions, log }: RedisClusterOptions): Promise<ClusterNode> {
  const directives = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': String(WATCHFUL_MS),
    // A replica may fail over however old its data are: in a test there is no other.
    'cluster-replica-validity-factor': '0',
    'cluster-allow-replica-migration': 'no',
    'repl-diskless-sync-delay': '0',
    'repl-ping-replica-period': '1',
    ...config,
  }
  const server = await startWithBus({ config: directives, ...(functions && { functions }) })
  const admin = new Redis(server.url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  admin.on('error', () => {})
  const address = `${server.host}:${server.port}`
  log?.(`a node on ${address}`)
  return { server, admin, address, id: (await admin.cluster('MYID')) as string }
}

/** Chooses the bus port: the default, 10,000 above, may be the port of an outgoing connection. */
async function startWithBus({ config, ...rest }: RedisOptions): Promise<RedisServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startRedis({ ...rest, config: { ...config, 'cluster-port': String(await freePort()) } })
    } catch (error) {
      if (attempt === 5) throw error
    }
  }
}

/** Introduces every node to every other one, which gossip would take a second or two for. */
async function introduce(nodes: readonly ClusterNode[]): Promise<void> {
  const [busPorts] = await Promise.all([
    Promise.all(
      nodes.map(async ({ admin }) => ((await admin.config('GET', 'cluster-port')) as string[])[1]!),
    ),
    // Otherwise two nodes may claim the same epoch, and have to resolve that first.
    Promise.all(nodes.map(({ admin }, i) => admin.cluster('SET-CONFIG-EPOCH', i + 1))),
  ])
  for (const [i, { admin }] of nodes.entries()) {
    for (const [j, { server }] of nodes.entries()) {
      if (j > i) await admin.call('CLUSTER', 'MEET', server.host, String(server.port), busPorts[j]!)
    }
  }
  await eventually('all nodes know each other', async () => {
    const seen = await Promise.all(nodes.map(({ admin }) => admin.cluster('NODES') as Promise<string>))
    return seen.every(
      (text) => text.trim().split('\n').length === nodes.length && !text.includes('handshake'),
    )
  })
}

/** Equal contiguous ranges, as `redis-cli --cluster create` deals them out. */
async function assign(nodes: readonly ClusterNode[], masters: number): Promise<void> {
  const edge = (i: number) => Math.round((i * SLOTS) / masters)
  await Promise.all(
    nodes.map(({ admin }, i) =>
      i < masters
        ? admin.cluster('ADDSLOTSRANGE', edge(i), edge(i + 1) - 1)
        : admin.cluster('REPLICATE', nodes[i % masters]!.id),
    ),
  )
}

class RunningCluster implements RedisCluster {
  readonly #clients: Cluster[] = []

  constructor(readonly nodes: readonly ClusterNode[]) {}

  client(options?: ClientOptions): Cluster {
    const client = new Cluster(
      this.nodes.map(({ server }) => ({ host: server.host, port: server.port })),
      options,
    )
    client.on('error', () => {})
    this.#clients.push(client)
    return client
  }

  async masterOf(slotOrKey: number | string): Promise<ClusterNode> {
    for (;;) {
      for (const { admin } of this.nodes) {
        if (admin.status !== 'ready') continue
        const slot = typeof slotOrKey === 'number' ? slotOrKey : await admin.cluster('KEYSLOT', slotOrKey)
        const ranges = await rangesOf(admin).catch(() => [])
        const range = ranges.find(({ first, last }) => first <= Number(slot) && Number(slot) <= last)
        const node = range && this.nodes.find(({ id }) => id === range.members[0])
        if (node) return node
      }
      await delay(20)
    }
  }

  async replicasOf(master: ClusterNode): Promise<ClusterNode[]> {
    const text = (await master.admin.cluster('NODES')) as string
    const lines = text.split('\n').map((line) => line.split(' '))
    const ids = lines.filter(([, , , of]) => of === master.id).map(([id]) => id)
    return this.nodes.filter(({ id }) => ids.includes(id))
  }

  async migrateSlot(slot: number, to: ClusterNode, between: SlotMove = {}): Promise<void> {
    const from = await this.masterOf(slot)
    if (from === to) return
    await to.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id)
    await from.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id)
    await between.opened?.()
    const keys = (await from.admin.cluster('GETKEYSINSLOT', slot, 10_000)) as string[]
    for (const [i, key] of keys.entries()) {
      await from.admin.migrate(to.server.host, to.server.port, key, 0, 10_000)
      if (i === keys.length >> 1) await between.halfway?.()
    }
    await between.moved?.()
    await to.admin.cluster('SETSLOT', slot, 'NODE', to.id)
    await from.admin.cluster('SETSLOT', slot, 'NODE', to.id)
  }

  async switchOver(master: ClusterNode): Promise<ClusterNode> {
    const [replica] = await this.replicasOf(master)
    if (!replica) throw new Error(`${master.address} has no replica`)
    let askedAt = Number.NEGATIVE_INFINITY
    await eventually('the replica has taken over', async () => {
      if ((await roleOf(replica)) === 'master') return true
      if (performance.now() - askedAt < SWITCH_MS) return false
      askedAt = performance.now()
      await replica.admin.cluster('FAILOVER')
      return false
    })
    return replica
  }

  async takeOver(master: ClusterNode): Promise<ClusterNode> {
    const { admin } = this.nodes.find((node) => node !== master && node.admin.status === 'ready')!
    const text = (await admin.cluster('NODES')) as string
    const of = text.split('\n').find((line) => line.split(' ')[3] === master.id)
    const replica = this.nodes.find(({ id }) => of?.startsWith(id))
    if (!replica) throw new Error(`${master.address} has no replica`)
    await replica.admin.call('CLUSTER', 'FAILOVER', 'TAKEOVER')
    await eventually('all nodes know the new master', async () => {
      const others = this.nodes.filter((node) => node !== master)
      const views = await Promise.all(
        others.map(async (node) => (await rangesOf(node.admin)).map(masterOfRange)),
      )
      return views.every((masters) => masters.includes(replica.id) && !masters.includes(master.id))
    })
    return replica
  }

  watchful(): Promise<void> {
    return this.#failAfter(WATCHFUL_MS)
  }

  async #failAfter(ms: number): Promise<void> {
    const nodes = this.nodes.filter(({ admin }) => admin.status === 'ready')
    await Promise.all(nodes.map(({ admin }) => admin.config('SET', 'cluster-node-timeout', String(ms))))
  }

  async revive(): Promise<void> {
    await Promise.all(
      this.nodes.map(async ({ server }) => {
        if (isRunning(server.pid)) await server.kill('SIGCONT')
        else await server.restart()
      }),
    )
  }

  async settled(): Promise<void> {
    for (;;) {
      await eventually('the cluster is whole', () => this.#isWhole())
      await this.#failAfter(CALM_MS)
      if (await this.#isWhole()) return
      // A node that was marked as failed in the last moment would stay so for the whole long
      // timeout.
      await this.watchful()
    }
  }

  async #isWhole(): Promise<boolean> {
    const views = await Promise.all(
      this.nodes.map(async (node) => {
        const info = (await node.admin.cluster('INFO')) as string
        if (!info.includes('cluster_state:ok') || !info.includes(`cluster_slots_ok:${SLOTS}`))
          return undefined
        if (!(await inStep(node))) return undefined
        const ranges = await rangesOf(node.admin)
        const members = new Set(ranges.flatMap((range) => range.members))
        // A master without slots serves no key; with a replica of its own it may wait.
        if (members.size < this.nodes.length) return undefined
        return JSON.stringify(ranges.map(({ first, last, members: [id] }) => [first, last, id]).sort())
      }),
    )
    return views[0] !== undefined && views.every((view) => view === views[0])
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect()
    for (const { admin } of this.nodes) admin.disconnect()
    await Promise.all(this.nodes.map(({ server }) => server.stop()))
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const masterOfRange = ({ members: [id] }: Range) => id

interface Range {
  readonly first: number
  readonly last: number
  /** The names of the master, and of its replicas that are not away. */
  readonly members: readonly string[]
}

/** The slots as this node sees them. */
async function rangesOf(admin: Redis): Promise<Range[]> {
  const answer = (await admin.cluster('SLOTS')) as unknown as [
    number,
    number,
    ...[string, number, string][],
  ][]
  return answer.map(([first, last, ...nodes]) => ({ first, last, members: nodes.map(([, , id]) => id) }))
}

async function roleOf({ admin }: ClusterNode): Promise<string> {
  return ((await admin.role()) as [string])[0]
}

/** Whether a replica has the data of its master, or whether the replicas of a master do. */
async function inStep({ admin }: ClusterNode): Promise<boolean> {
  const info = await admin.info('replication')
  return !/master_link_status:down|master_sync_in_progress:1|state=(?!online)/.test(info)
}

async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + startLimit
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > end) throw new Error(`Waited ${startLimit / 1000} s for this condition: ${what}.`)
    await delay(20)
  }
}
