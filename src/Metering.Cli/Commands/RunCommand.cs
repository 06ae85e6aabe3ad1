using System.CommandLine;
namespace Metering.Cli.Commands;
internal static class RunCommand { public static Command Create() => new("run", "not yet"); }
