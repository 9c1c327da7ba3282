/** What an operator should know before it hurts, or at least afterwards. */
export type ConsumerWarning =
  /**
   * A group lags by 80 % of `maxStreamLength` or more: soon its events go before it has had them.
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
   * Events `from` to `to` of a partition are gone, and this group has not had them. It goes on
   * behind them.
   */
  | {
      readonly type: 'events_lost'
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  /** So many events have failed that reading waits until some of them are dealt with. */
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
      /** Of the event; `id` as in the event itself. */
      readonly event: string
      readonly attempt: number
      readonly handlerTimeoutMs: number
    }
