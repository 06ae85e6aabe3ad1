using System.CommandLine;
namespace Metering.Cli.Commands;
internal static class ResourceCommand { public static Command Tenants() => new("tenants"); public static Command Ownership() => new("ownership"); public static Command Prices() => new("prices"); public static Command Quotas() => new("quotas"); public static Command Webhooks() => new("webhooks"); public static Command Keys() => new("keys"); }
