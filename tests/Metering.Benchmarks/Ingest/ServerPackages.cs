using Metering.Safety;

// The servers are those of the end-to-end tests; what they call when a package is missing skips a test there and ends the run here.
namespace Metering.EndToEnd.Servers;

internal static class ServerPackages
{
    public static void Require(string file, string debianPackage)
    {
        if (!File.Exists(file)) throw new UserErrorException($"{file} is missing; install it with: apt-get install {debianPackage}");
    }
}
