/// The room of models.
package enum GatewayLLM {}
