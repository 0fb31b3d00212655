/** What becomes a process: the entrypoint, then the command. */
export interface CommandParts {
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
}

/** What an image, or who makes a container, has to say of it; absent and `null` are "nothing". */
export interface GivenCommand {
  readonly entrypoint?: readonly string[] | null | undefined
  readonly command?: readonly string[] | null | undefined
}

/** Combines ENTRYPOINT and CMD of an image with those of a container, as Docker does: a new command replaces CMD alone; a new
 * entrypoint, the empty one too, replaces ENTRYPOINT and takes CMD away. */
export function combineCommand(image: GivenCommand, given: GivenCommand): CommandParts {
  const own = given.command ?? []
  if (given.entrypoint != null) return { entrypoint: given.entrypoint, command: own }
  return { entrypoint: image.entrypoint ?? [], command: own.length > 0 ? own : (image.command ?? []) }
}
