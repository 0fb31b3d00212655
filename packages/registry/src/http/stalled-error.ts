/** A connection that brought nothing for too long, or too little. */
export class StalledError extends Error {
  readonly code = 'STALLED'
}
