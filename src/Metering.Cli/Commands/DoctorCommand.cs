using System.CommandLine;
namespace Metering.Cli.Commands;
internal static class DoctorCommand { public static Command Create() => new("doctor", "not yet"); }
