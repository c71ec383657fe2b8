/** How long and how often; the same for every part. */
export interface Options {
  readonly rounds: number
  /** Of one side in one round. */
  readonly seconds: number
  /** Of the part `create`. */
  readonly connections: ReadonlyArray<number>
  /** Orders stored in the part `million`. */
  readonly stored: number
  /** Keep the limits' costs as this kind of machine's. */
  readonly record: boolean
  /** A folder for processor profiles of our servers. */
  readonly profile: string | undefined
}
