import { orderTables, partsOfOrders } from './orders/migration.js'
import { paidBeforeTransfer, transferredOrders } from './orders/transfer-migration.js'

/**
 * The migrations that create the tables, one for each version. A published migration never changes;
 * a new one is added at the end.
 *
 * Ids are compared byte by byte (`COLLATE "C"`), which is faster than by a language, and the same
 * everywhere.
 *
 * @param schema Its name, quoted.
 */
export const migrations: readonly ((schema: string) => string)[] = [
  (schema) => `
    CREATE TABLE ${schema}.sales (
      sale text COLLATE "C" PRIMARY KEY,
      token text COLLATE "C" NOT NULL,
      rules json NOT NULL,
      state text COLLATE "C" NOT NULL DEFAULT 'open',
      followed_since timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE ${schema}.sales IS 'The sales that are followed.';
    COMMENT ON COLUMN ${schema}.sales.token IS 'Which sale of this name: each that was made has another one.';
    COMMENT ON COLUMN ${schema}.sales.rules IS 'What it was created with. Carts and events name SKUs by their names, not by their places here.';
    COMMENT ON COLUMN ${schema}.sales.state IS 'open, paused or ended, by command. Opening and closing times are in the rules.';

    CREATE TABLE ${schema}.positions (
      sale text COLLATE "C" NOT NULL,
      partition int NOT NULL,
      line int NOT NULL DEFAULT 1,
      since bigint NOT NULL DEFAULT 0,
      sequence bigint NOT NULL DEFAULT 0,
      seen_line int,
      seen_sequence bigint,
      seen_mark text COLLATE "C",
      lost bigint NOT NULL DEFAULT 0,
      fence int NOT NULL DEFAULT 0,
      stale boolean NOT NULL DEFAULT false,
      written_at timestamptz,
      PRIMARY KEY (sale, partition)
    ) WITH (fillfactor = 50);
    COMMENT ON TABLE ${schema}.positions IS 'How far each partition of a sale is in here. Written in one transaction with what it speaks of.';
    COMMENT ON COLUMN ${schema}.positions.line IS 'The line of the history: one more after each recovery of the sale.';
    COMMENT ON COLUMN ${schema}.positions.since IS 'The event after which this line left the one before.';
    COMMENT ON COLUMN ${schema}.positions.sequence IS 'Every event up to this one is in here.';
    COMMENT ON COLUMN ${schema}.positions.seen_mark IS 'With seen_line and seen_sequence, the furthest point of the history that a follower has seen: a Redis that has forgotten it is found out, whoever asks first.';
    COMMENT ON COLUMN ${schema}.positions.lost IS 'Events that were gone from the stream before they were read. Their reservations are put right from the sale itself.';
    COMMENT ON COLUMN ${schema}.positions.fence IS 'One more with each recovery from here: what was read before and not written yet comes too late.';
    COMMENT ON COLUMN ${schema}.positions.stale IS 'Events were lost, or the sale was recovered: the reservations are to be compared with the sale.';

    CREATE TABLE ${schema}.events (
      sale text COLLATE "C" NOT NULL,
      partition int NOT NULL,
      line int NOT NULL,
      sequence bigint NOT NULL,
      at timestamptz NOT NULL,
      type text COLLATE "C" NOT NULL,
      reservation text COLLATE "C",
      expires_at timestamptz,
      details jsonb,
      superseded boolean NOT NULL DEFAULT false,
      PRIMARY KEY (sale, partition, line, sequence)
    );
    CREATE INDEX events_of_reservation ON ${schema}.events (reservation) WHERE reservation IS NOT NULL;
    CREATE INDEX events_restocked ON ${schema}.events (sale) WHERE type = 'restocked';
    COMMENT ON TABLE ${schema}.events IS 'Every change, exactly once, in the order (partition, line, sequence).';
    COMMENT ON COLUMN ${schema}.events.at IS 'When it happened, by the clock of Redis.';
    COMMENT ON COLUMN ${schema}.events.type IS 'reserved, extended, confirmed, released, expired, refunded, refund_due, restocked, sent, received, sold_out, paused, resumed, ended';
    COMMENT ON COLUMN ${schema}.events.expires_at IS 'With reserved and extended: until when the units are held.';
    COMMENT ON COLUMN ${schema}.events.details IS 'refunded: restock; refund_due: reason; restocked: sku, applied, key, quantity; sent, received: to or from (partitions), sku, quantity; sold_out: sku';
    COMMENT ON COLUMN ${schema}.events.superseded IS 'Redis has lost it, and the sale has gone on without it from an earlier point.';

    CREATE TABLE ${schema}.reservations (
      sale text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      partition int NOT NULL,
      buyer text COLLATE "C" NOT NULL,
      items jsonb NOT NULL,
      state text COLLATE "C" NOT NULL,
      key text COLLATE "C",
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      payment_id text COLLATE "C",
      refund_due text COLLATE "C",
      restocked boolean,
      changed_at timestamptz NOT NULL,
      line int NOT NULL,
      sequence bigint NOT NULL,
      PRIMARY KEY (sale, id)
    ) WITH (fillfactor = 80);
    CREATE INDEX reservations_of_buyer ON ${schema}.reservations (buyer);
    CREATE INDEX reservations_paid ON ${schema}.reservations (payment_id) WHERE payment_id IS NOT NULL;
    CREATE INDEX reservations_refund_due ON ${schema}.reservations (sale) WHERE refund_due IS NOT NULL;
    COMMENT ON TABLE ${schema}.reservations IS 'Each reservation as of its latest event in here.';
    COMMENT ON COLUMN ${schema}.reservations.items IS 'Units by SKU: {"mango-me": 2}';
    COMMENT ON COLUMN ${schema}.reservations.state IS 'held (past expires_at: lapsed), confirmed, released, expired, refunded; forgotten: the sale has lost it, and was recovered without it';
    COMMENT ON COLUMN ${schema}.reservations.payment_id IS 'Of the first payment, whether it was confirmed or is to be given back.';
    COMMENT ON COLUMN ${schema}.reservations.refund_due IS 'Why the payment must be given back: sold_out, released, limit_exceeded or ended.';
    COMMENT ON COLUMN ${schema}.reservations.restocked IS 'With refunded: whether the units went on sale again.';
    COMMENT ON COLUMN ${schema}.reservations.sequence IS 'With partition and line: its latest event.';

    CREATE VIEW ${schema}.lines AS
      SELECT r.sale, r.id, r.buyer, r.state, i.key AS sku, i.value::bigint AS quantity
      FROM ${schema}.reservations r CROSS JOIN LATERAL jsonb_each_text(r.items) i;
    COMMENT ON VIEW ${schema}.lines IS 'The reservations line by line, for sums over SKUs.';`,
  (schema) => `
    ALTER TABLE ${schema}.sales RENAME COLUMN token TO incarnation;
    ALTER TABLE ${schema}.positions RENAME COLUMN line TO generation;
    ALTER TABLE ${schema}.positions RENAME COLUMN seen_line TO seen_generation;
    ALTER TABLE ${schema}.positions RENAME COLUMN seen_mark TO seen_batch_id;
    ALTER TABLE ${schema}.events RENAME COLUMN line TO generation;
    ALTER TABLE ${schema}.reservations RENAME COLUMN line TO generation;
    COMMENT ON COLUMN ${schema}.sales.incarnation IS 'A random name of this very sale: one that is made again under the same id has another.';
    COMMENT ON COLUMN ${schema}.positions.generation IS 'The generation of the history: one more after each recovery of the sale.';
    COMMENT ON COLUMN ${schema}.positions.since IS 'The event after which this generation left the one before.';
    COMMENT ON COLUMN ${schema}.positions.seen_batch_id IS 'With seen_generation and seen_sequence, the latest offset that a follower has seen: a Redis that has forgotten it is found out by the next call of any process.';
    COMMENT ON TABLE ${schema}.events IS 'Every change, exactly once, in the order (partition, generation, sequence).';
    COMMENT ON COLUMN ${schema}.reservations.state IS 'held (past expires_at: expired), confirmed, released, expired, refunded; forgotten: the sale has lost it, and was recovered without it';
    COMMENT ON COLUMN ${schema}.reservations.sequence IS 'With partition and generation: its latest event.';`,
  (schema) => `
    CREATE TABLE ${schema}.further_payments (
      sale text COLLATE "C" NOT NULL,
      reservation text COLLATE "C" NOT NULL,
      payment_id text COLLATE "C" NOT NULL,
      partition int NOT NULL,
      reason text COLLATE "C" NOT NULL,
      at timestamptz NOT NULL,
      generation int NOT NULL,
      sequence bigint NOT NULL,
      forgotten boolean NOT NULL DEFAULT false,
      PRIMARY KEY (sale, reservation, payment_id)
    );
    CREATE INDEX further_payments_of_id ON ${schema}.further_payments (payment_id);
    COMMENT ON TABLE ${schema}.further_payments IS 'Payments for a reservation that has another payment, its own. Each must be refunded.';
    COMMENT ON COLUMN ${schema}.further_payments.reason IS 'duplicate_payment; or, if the own payment must be refunded too, the same reason: sold_out, released, limit_exceeded or ended.';
    COMMENT ON COLUMN ${schema}.further_payments.sequence IS 'With partition and generation: its event.';
    COMMENT ON COLUMN ${schema}.further_payments.forgotten IS 'The sale has lost it, and was recovered without it. The payment must be refunded all the same.';

    CREATE VIEW ${schema}.payments AS
      SELECT sale, id AS reservation, buyer, payment_id, true AS own,
        CASE WHEN refund_due IS NOT NULL THEN 'refund_due' WHEN state = 'confirmed' THEN 'order' ELSE state END AS outcome,
        refund_due AS reason
      FROM ${schema}.reservations WHERE payment_id IS NOT NULL OR refund_due IS NOT NULL OR state IN ('confirmed', 'refunded')
      UNION ALL
      SELECT p.sale, p.reservation, r.buyer, p.payment_id, false, 'refund_due', p.reason
      FROM ${schema}.further_payments p LEFT JOIN ${schema}.reservations r ON r.sale = p.sale AND r.id = p.reservation;
    COMMENT ON VIEW ${schema}.payments IS 'All payments, and what became of each.';
    COMMENT ON COLUMN ${schema}.payments.payment_id IS 'Null if confirm was called without one.';
    COMMENT ON COLUMN ${schema}.payments.own IS 'The first payment of its reservation; false for each further one.';
    COMMENT ON COLUMN ${schema}.payments.outcome IS 'order: it is part of an order; refund_due: it must be refunded, for the reason beside it; refunded: the order was refunded; forgotten: the sale has lost the order';

    COMMENT ON COLUMN ${schema}.events.type IS 'reserved, extended, confirmed, paid, released, expired, refunded, refund_due, restocked, sent, received, sold_out, paused, resumed, ended, updated';
    COMMENT ON COLUMN ${schema}.events.details IS 'updated: revision, changes; refunded: restock; refund_due: reason, and paymentId if it is a further payment; restocked: sku, applied, key, quantity; sent, received: to or from (partitions), sku, quantity; sold_out: sku';
    COMMENT ON COLUMN ${schema}.reservations.payment_id IS 'The first payment, whether it is the order''s or must be refunded. For further ones see further_payments.';`,
  orderTables,
  (schema) => `
    CREATE TABLE ${schema}.rules (
      sale text COLLATE "C" NOT NULL,
      generation int NOT NULL,
      revision int NOT NULL,
      rules json NOT NULL,
      noted_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (sale, generation, revision)
    );
    COMMENT ON TABLE ${schema}.rules IS 'The rules of sales that were updated, as far as the ledger has seen them. The latest of the latest generation are in force.';
    COMMENT ON COLUMN ${schema}.rules.revision IS 'One more with each update; 0: the rules that the sale was created with.';
    COMMENT ON COLUMN ${schema}.rules.rules IS 'All rules, in the form of sales.rules.';
    COMMENT ON COLUMN ${schema}.sales.rules IS 'The rules that the sale was created with. Carts and events name SKUs by their names.';`,
  (schema) => `
    ALTER TABLE ${schema}.reservations ADD COLUMN first_items jsonb, ADD COLUMN changes int NOT NULL DEFAULT 0;
    COMMENT ON COLUMN ${schema}.reservations.items IS 'Units by SKU, as of its latest event: {"mango-me": 2}';
    COMMENT ON COLUMN ${schema}.reservations.first_items IS 'The items of the request that made the reservation, once they were changed: its key belongs to these.';
    COMMENT ON COLUMN ${schema}.reservations.changes IS 'How often the items were changed.';
    COMMENT ON COLUMN ${schema}.events.type IS 'reserved, extended, amended, confirmed, paid, released, expired, refunded, refund_due, restocked, total_set, debt_taken, moved, sent, received, sold_out, updated, paused, resumed, ended';
    COMMENT ON COLUMN ${schema}.events.details IS 'amended: before and items (units by SKU); refunded: restock; refund_due: reason, and paymentId if it is a further payment; restocked: sku, applied, key, quantity; sent, received: to or from (partitions), sku, quantity; sold_out: sku';`,
  transferredOrders,
  partsOfOrders,
  paidBeforeTransfer,
  (schema) => `
    ALTER TABLE ${schema}.reservations ADD COLUMN household text COLLATE "C";
    COMMENT ON COLUMN ${schema}.reservations.household IS 'The household of the buyer, in a sale with a limit of households.';`,
  // For a recovery, which asks of every reservation whether a transfer has made it.
  (schema) => `
    CREATE INDEX events_transferred ON ${schema}.events (sale, reservation) WHERE type = 'transferred';`,
]
