/**
 * The names of attributes, after https://opentelemetry.io/docs/specs/semconv/general/naming/: all
 * in the namespace of this library, but for `error.type`.
 */
export const ATTRIBUTES = {
  command: 'stockhold.command',
  subject: 'stockhold.subject',
  status: 'stockhold.status',
  replayed: 'stockhold.replayed',
  fromMemory: 'stockhold.from_memory',
  partition: 'stockhold.partition',
  sale: 'stockhold.sale',
  room: 'stockhold.room',
  group: 'stockhold.group',
  sku: 'stockhold.sku',
  state: 'stockhold.state',
  event: 'stockhold.event',
  outcome: 'stockhold.outcome',
  server: 'server.address',
  error: 'error.type',
} as const

/** The label of everything beyond the bound, as OpenTelemetry has it for `error.type`. */
export const OTHER = '_OTHER'
