using Xunit;

namespace Metering.EndToEnd.Servers;

/// <summary>A test that needs a server of the distribution skips on a laptop without it and fails where it must be there (<c>CI=true</c>).</summary>
internal static class ServerPackages
{
    /// <summary>Ends the test unless the file of the package is installed.</summary>
    public static void Require(string package, string path)
    {
        if (File.Exists(path)) return;

        var reason = $"{path} is missing; install it with: apt-get install {package}";
        if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase)) Assert.Fail(reason);
        Assert.Skip(reason);
    }
}
