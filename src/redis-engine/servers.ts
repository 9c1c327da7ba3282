import type { Redis } from 'ioredis'
import {
  type EngineServer,
  MAX_REPLICAS,
  type ReplicaFigures,
  type ServerFigures,
} from '../engine/servers.js'
import { addressOf } from './cluster.js'
import { isCluster, type RedisClient, serverOf } from './connection.js'
import { failure, isLasting } from './failure.js'
import { type Info, infoFields, infoNumber, infoVersion } from './info.js'

/** The server of a client, or the masters of a Cluster, as far as the client knows them. */
export function serversOf(client: RedisClient): EngineServer[] {
  if (isCluster(client))
    return client
      .nodes('master')
      .map((node) => ({ address: addressOf(node), figures: () => figuresOf(node) }))
  return [{ address: serverOf(client) ?? presentServer(client), figures: () => figuresOf(client) }]
}

/** Sentinels have named it. */
function presentServer({ stream }: Redis): string {
  const { remoteAddress, remotePort } = (stream ?? {}) as Redis['stream'] & { remotePort?: number }
  return remoteAddress === undefined ? 'the master' : `${remoteAddress}:${remotePort}`
}

async function figuresOf(server: Redis): Promise<ServerFigures | undefined> {
  try {
    return readFigures(infoFields(await server.info('server', 'clients', 'memory', 'cpu', 'replication')))
  } catch (error) {
    // The user has no right to INFO, or a proxy does not know it.
    if (isLasting(error)) return undefined
    throw failure(error, 'none')
  }
}

function readFigures(info: Info): ServerFigures {
  const number = (name: string) => infoNumber(info, name)
  const sum = (...names: readonly [string, string]) => {
    const [one, other] = names.map(number)
    return one === null || other === null ? null : one! + other!
  }
  const replicaCount = number('connected_slaves') ?? 0
  const offset = number('master_repl_offset')
  return {
    version: infoVersion(info),
    usedMemory: number('used_memory'),
    maxMemory: number('maxmemory') || null,
    machineMemory: number('total_system_memory') || null,
    policy: info.get('maxmemory_policy') ?? null,
    cpuSeconds:
      sum('used_cpu_sys_main_thread', 'used_cpu_user_main_thread') ?? sum('used_cpu_sys', 'used_cpu_user'),
    clients: number('connected_clients'),
    maxClients: number('maxclients'),
    replicas: Array.from({ length: Math.min(replicaCount, MAX_REPLICAS) }, (_, i) =>
      replicaOf(info.get(`slave${i}`) ?? '', offset),
    ),
    replicaCount,
  }
}

/** Such as `ip=10.0.0.2,port=6379,state=online,offset=2310,lag=0`. */
function replicaOf(text: string, masterOffset: number | null): ReplicaFigures {
  const fields: Info = new Map(text.split(',').map((field) => field.split('=', 2) as [string, string]))
  const offset = infoNumber(fields, 'offset')
  return {
    address: `${fields.get('ip')}:${fields.get('port')}`,
    isOnline: fields.get('state') === 'online',
    lagSeconds: infoNumber(fields, 'lag'),
    behindBytes: offset === null || masterOffset === null ? null : Math.max(0, masterOffset - offset),
  }
}
