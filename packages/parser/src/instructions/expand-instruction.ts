import type { EscapeToken, Instruction } from '../ast.js'
import { ParseError } from '../errors.js'
import { expandWord, expandWords, type Variables } from '../shell/word.js'
import type { Expander } from './definition.js'
import { definitionOf } from './registry.js'

/** An instruction with its variables replaced. */
export interface ExpandedInstruction<T extends Instruction = Instruction> {
  readonly instruction: T
  /** Names that were looked up and found, each once. */
  readonly used: readonly string[]
  /** Names that were looked up and are unset: once for each word that they stand in. */
  readonly unmatched: readonly string[]
}

/** Expands what BuildKit expands in an instruction, and nothing else:
 * ENV and LABEL keys and values; COPY and ADD paths, `--chown`, `--chmod`, `--checksum` and inline files; WORKDIR, USER,
 * VOLUME, STOPSIGNAL, EXPOSE; the options of `RUN --mount` (they become `mounts`).
 * Not the commands of RUN, CMD, ENTRYPOINT and HEALTHCHECK, not SHELL, ONBUILD and MAINTAINER. ARG and FROM come back as they are:
 * an ARG default counts only where no build argument replaces it, and FROM sees the global arguments only.
 * @param options.escape the escape character of the file
 * @throws {ParseError} `EXPANSION_FAILED`, `INSTRUCTION_INVALID`, with `range` */
export function expandInstruction<T extends Instruction>(
  instruction: T,
  variables: Variables,
  options: { readonly escape?: EscapeToken } = {},
): ExpandedInstruction<T> {
  const used = new Set<string>()
  const unmatched: string[] = []
  const note = (expansion: { readonly used: readonly string[]; readonly unmatched: readonly string[] }): void => {
    for (const name of expansion.used) used.add(name)
    unmatched.push(...expansion.unmatched)
  }
  const expander: Expander = {
    word(text) {
      const expansion = expandWord(text, variables, options)
      note(expansion)
      return expansion.value
    },
    words(text) {
      const expansion = expandWords(text, variables, options)
      note({ ...expansion, unmatched: [] })
      return expansion.values
    },
    body(text) {
      const expansion = expandWord(text, variables, { skipQuotes: true })
      note(expansion)
      return expansion.value
    },
  }
  try {
    const expanded = definitionOf(instruction.kind)?.expand?.(instruction, expander) ?? instruction
    return { instruction: expanded as T, used: [...used], unmatched }
  } catch (error) {
    throw error instanceof ParseError ? error.at(instruction.range) : error
  }
}
