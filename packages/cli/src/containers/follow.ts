import type { Attachment, AttachOptions, Container } from '@tsbuild/core'
import type { Command } from 'commander'
import type { CommandResult, Io } from '../io.js'
import { parseDetachKeys } from './detach-keys.js'
import { openForeground } from './foreground.js'

/** The flags of a command that follows a container. */
export interface FollowFlags {
  readonly detachKeys?: string
  readonly sigProxy: boolean
}

export interface FollowOptions {
  /** Send it what is typed, where it takes input. */
  readonly stdin: boolean
  readonly flags: FollowFlags
}

export function addFollowFlags(command: Command): void {
  command.option('--detach-keys <keys>', 'keys that leave it running (default: ctrl-p,ctrl-q)')
  command.option('--sig-proxy', 'pass signals on to the command (default; --sig-proxy=false: not)', true)
  command.option('--no-sig-proxy', 'keep signals')
}

/** Connects the terminal with a container that is there, by `begin`, until it ends or the detach keys are typed. */
export async function followContainer(
  container: Container,
  io: Io,
  { stdin, flags }: FollowOptions,
  begin: (attach: AttachOptions) => Promise<Attachment | undefined>,
): Promise<CommandResult> {
  const { settings } = await container.inspect()
  using foreground = openForeground(io, {
    terminal: settings.terminal,
    stdin: stdin && settings.stdin,
    signals: flags.sigProxy,
    detachKeys: parseDetachKeys(flags.detachKeys),
  })
  const end = await foreground.follow(begin)
  return end === 'detached' ? {} : { exitCode: end }
}
