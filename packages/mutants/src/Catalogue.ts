import { consumerMutants } from "./catalogue/consumerMutants.ts"
import { notificationMutants } from "./catalogue/notificationMutants.ts"
import { orderMutants } from "./catalogue/orderMutants.ts"
import { paymentMutants } from "./catalogue/paymentMutants.ts"
import { relayMutants } from "./catalogue/relayMutants.ts"
import type { Mutant } from "./Mutant.ts"

/** Every mutant, by where it is planted. */
export const catalogue: ReadonlyArray<Mutant> = [
  ...relayMutants,
  ...consumerMutants,
  ...orderMutants,
  ...paymentMutants,
  ...notificationMutants
]
