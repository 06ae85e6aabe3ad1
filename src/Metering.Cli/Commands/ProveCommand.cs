using System.CommandLine;
namespace Metering.Cli.Commands;
internal static class ProveCommand { public static Command Create() => new("prove", "not yet"); }
