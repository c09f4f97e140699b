"""Who carries messages for a shop: mail providers, SMS gateways, WeChat. Adapters keep no state."""
