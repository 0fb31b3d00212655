import type { StopContainerOptions } from '@tsbuild/core'
import { type Command, Option } from 'commander'
import type { EngineFlags } from '../engine.js'
import type { Io } from '../io.js'
import { secondsFlag } from './options.js'

/** The flags that say how a container is stopped. */
export interface StopFlags extends EngineFlags {
  readonly signal?: string
  readonly time?: string
  readonly timeout?: string
}

export function addStopFlags(command: Command): void {
  command.option('-s, --signal <signal>', "instead of the container's stop signal")
  command.option('-t, --timeout <seconds>', 'time until it is killed; -1 waits for ever (default: 10)')
  command.addOption(new Option('--time <seconds>', 'the same as --timeout').hideHelp())
}

/** @throws {CliError} `ARGUMENT_INVALID` */
export function stopOptions({ signal, time, timeout = time }: StopFlags, io: Pick<Io, 'signal'>): StopContainerOptions {
  return {
    signal: io.signal,
    ...(signal === undefined ? {} : { stopSignal: signal }),
    ...(timeout === undefined ? {} : { timeoutSeconds: secondsFlag('--timeout', timeout) }),
  }
}
