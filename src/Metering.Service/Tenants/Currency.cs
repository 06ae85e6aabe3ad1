using System.Collections.Frozen;

namespace Metering.Service.Tenants;

/// <summary>The currencies of ISO 4217 (list one, 2024) and the digits of their minor unit.</summary>
public static class Currency
{
    /// <summary>No currency has more digits.</summary>
    public const int MaxDigits = 4;

    private const string Two = """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR
        FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN
        NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS
        VED VES WST XCD XCG YER ZAR ZMW ZWG
        """;

    private static readonly FrozenDictionary<string, int> Digits = Table();

    /// <summary>Digits of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD. False when the code is none of ISO 4217.</summary>
    public static bool TryDigits(string code, out int digits) => Digits.TryGetValue(code, out digits);

    /// <summary>Digits of the minor unit of a code that was checked before; throws <see cref="KeyNotFoundException"/> otherwise.</summary>
    public static int DigitsOf(string code) => Digits[code];

    /// <summary>What is wrong with the code; null: nothing.</summary>
    public static string? Fault(string code) => Digits.ContainsKey(code) ? null : $"'{code}' is no ISO 4217 code such as EUR.";

    private static FrozenDictionary<string, int> Table()
    {
        var table = new Dictionary<string, int>(StringComparer.Ordinal);
        Add("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0);
        Add(Two, 2);
        Add("BHD IQD JOD KWD LYD OMR TND", 3);
        Add("CLF UYW", 4);
        return table.ToFrozenDictionary(StringComparer.Ordinal);

        void Add(string codes, int digits)
        {
            foreach (var code in codes.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)) table.Add(code.Trim(), digits);
        }
    }
}
