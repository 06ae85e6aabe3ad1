using Metering.Configuration;
using Metering.Safety;
using Metering.Service.Access;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Settings of sign-in that are refused.</summary>
public sealed class OidcSettingsTests
{
    [Theory]
    [InlineData("Access:Issuer", "http://login.example.com", "https")]
    [InlineData("Access:Issuer", "https://login.example.com", "Access:Audience is missing")]
    [InlineData("Access:Audience", "x", "Access:Issuer")]
    [InlineData("Access:Algorithms", "HS256", "RS256", true)]
    [InlineData("Access:RoleMap", "ops=king", "admin", true)]
    [InlineData("Access:RequestsPerMinute", "0", "1 to")]
    public void Settings_that_would_let_strangers_in_stop_the_start(string key, string value, string told, bool complete = false)
    {
        var settings = new Dictionary<string, string?> { [key] = value };
        if (complete) (settings["Access:Issuer"], settings["Access:Audience"]) = ("https://login.example.com", "metering");
        Assert.Contains(told, Assert.Throws<UserErrorException>(() => AccessOptions.From(new Settings(settings))).Message);
    }
}
