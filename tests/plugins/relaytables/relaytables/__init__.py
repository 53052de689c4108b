"""Pattern tables written for Relay, their imports changed, each as a vendor of byoc."""
