import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Random } from "effect"
import { Command, Flag } from "effect/cli"

/** A flag for a number of things. */
export const count = (name: string, description: string, fallback: number) =>
  Flag.Int(name).pipe(Flag.withDescription(description), Flag.withDefault(fallback))

/** Flags that several commands have, each with the same name and meaning. */
export const flags = {
  replicas: (fallback: number) => count("replicas", "Processes of each service", fallback),
  orders: (fallback: number) => count("orders", "Orders to place meanwhile", fallback),
  minutes: (fallback: number) =>
    Flag.Finite("minutes").pipe(Flag.withDescription("How long there is load"), Flag.withDefault(fallback)),
  every: (fallback: number) =>
    Flag.Finite("every").pipe(Flag.withDescription("Seconds from one kill to the next"), Flag.withDefault(fallback)),
  rate: (fallback: number, description = "Orders a second meanwhile") =>
    Flag.Finite("rate").pipe(Flag.withDescription(description), Flag.withDefault(fallback)),
  seed: Flag.String("seed").pipe(
    Flag.withDescription("The same seed makes the same choices"),
    Flag.withDefault("1")
  )
}

/** The same choices for the same `--seed`. */
export const seeded =
  <O extends { readonly seed: string }, A, E, R>(program: (options: O) => Effect.Effect<A, E, R>) =>
  (
    options: O
  ): Effect.Effect<A, E, R> => program(options).pipe(Random.withSeed(options.seed))

/** Runs the process's command. Exit 0 when it succeeds. */
export const runCommand = <Name extends string, Input, Context, E>(
  command: Command.Command<Name, Input, Context, E, NodeServices.NodeServices>
): void =>
  Command.run(command, { version: "1.0.0" }).pipe(
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({
      // kafkajs leaves timers behind on connections that broke, which would keep the process.
      teardown: (exit) => process.exit(Exit.isSuccess(exit) ? 0 : Cause.hasInterruptsOnly(exit.cause) ? 130 : 1)
    })
  )
