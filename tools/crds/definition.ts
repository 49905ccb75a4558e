/** The CustomResourceDefinition of a kind. All of it follows from the kind's row in src/model/kinds/kinds.ts. */
import { Schema } from "effect"
import { stringify } from "yaml"
import { type Column, type KindName, kinds } from "../../src/model/kinds/kinds.ts"
import { API_GROUP, API_VERSION } from "../../src/model/kinds/metadata.ts"
import { type Structural, structural } from "./structural.ts"

/** `kubectl get driftless` shows all kinds. No short name may be a category: kubectl looks for categories first. */
export const CATEGORIES = ["driftless"]

const condition = (name: string, field: string, priority?: 1) => ({
  name,
  type: "string",
  jsonPath: `.status.conditions[?(@.type=='Ready')].${field}`,
  ...(priority === undefined ? {} : { priority })
})

const column = ({ name, path, type, wide }: Column) => ({
  name,
  type,
  jsonPath: path,
  ...(wide === true ? { priority: 1 } : {})
})

const options = {
  generateDescriptions: false,
  includeAnnotationKey: (key: string) => key.startsWith("x-kubernetes-") || key === "expected" || key === "format"
}

/** The schema of a whole object: `spec` is what people write, `status` what Driftless writes. */
export const objectSchema = (kind: KindName): Structural => {
  const { description, spec, status } = kinds[kind]
  return {
    description,
    type: "object",
    required: ["spec"],
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: structural(Schema.toJsonSchemaDocument(spec, options)),
      status: structural(Schema.toJsonSchemaDocument(status, options))
    }
  }
}

export const definitionOf = (kind: KindName) => {
  const { columns, plural, selectable, shortNames } = kinds[kind]
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: "Namespaced",
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames,
        categories: CATEGORIES
      },
      versions: [
        {
          name: API_VERSION.slice(API_GROUP.length + 1),
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            condition("Ready", "status"),
            condition("Reason", "reason"),
            ...columns.map(column),
            condition("Message", "message", 1),
            { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }
          ],
          selectableFields: selectable.map((jsonPath) => ({ jsonPath })),
          schema: { openAPIV3Schema: objectSchema(kind) }
        }
      ]
    }
  }
}

const NOTE = "# Made by `npm run crds` from src/model/kinds; edits here are lost.\n"

export const definitionFile = (kind: KindName) => ({
  path: `crds/${kinds[kind].plural}.${API_GROUP}.yaml`,
  text: NOTE + stringify(definitionOf(kind), { lineWidth: 0, aliasDuplicateObjects: false })
})
