/// What must be found again after a restart: API keys, budgets and their ledger.
package enum GatewayState {}
