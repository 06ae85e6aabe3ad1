using System.CommandLine;
namespace Metering.Cli.Commands;
internal static class SimulateCommand { public static Command Create() => new("simulate", "not yet"); }
