/** A condition that an operator should know of, before it loses events or afterwards. */
export type ConsumerWarning =
  /**
   * A group lags by 80 % of `maxStreamLength` or more: soon its oldest events are trimmed before it
   * has had them.
   */
  | {
      readonly type: 'stream_length'
      readonly partition: number
      /** The group that lags, and by how many events. */
      readonly group: string
      readonly lag: number
      /** Events of the partition that are kept now. */
      readonly length: number
      readonly maxStreamLength: number
    }
  /**
   * Events `from` to `to` of a partition were trimmed before this group had them. The group
   * continues after them.
   */
  | {
      readonly type: 'events_lost'
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  /**
   * The limit of failed events is reached: reading waits until some of them are handled or
   * discarded.
   */
  | {
      readonly type: 'parked_limit'
      readonly partition: number
      readonly parked: number
      readonly dead: number
    }
  /**
   * A handler has not settled within `handlerTimeoutMs`. The event counts as failed and is tried
   * again.
   */
  | {
      readonly type: 'handler_timeout'
      readonly partition: number
      /** The `id` of the event. */
      readonly event: string
      readonly attempt: number
      readonly handlerTimeoutMs: number
    }
