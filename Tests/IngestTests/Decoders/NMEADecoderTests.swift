// `nmea`: the sentences of the payload rules, one test each.
import EventModel
import Ingest
import Testing

/// A sentence with its checksum.
private func sentence(_ body: String) -> String {
    let sum = body.utf8.reduce(UInt8(0)) { $0 ^ $1 }
    let digits = String(sum, radix: 16, uppercase: true)
    return "$\(body)*\(digits.count == 1 ? "0" : "")\(digits)\r\n"
}

@Suite("Decoder nmea")
struct NMEADecoderTests {
    @Test(
        "sentences become readings with plain names and units",
        arguments: [
            ("WIMWV,214.8,R,0.1,K,A", ["wind_angle=214.8 °", "wind_speed=0.1 km/h"]),
            ("WIMWV,014.8,T,10.0,N,A", ["true_wind_angle=14.8 °", "true_wind_speed=10.0 kn"]),
            (
                "WIMDA,29.9870,I,1.0155,B,21.2,C,,,45.1,,8.8,C,90.0,T,85.0,M,4.1,N,2.1,M",
                [
                    "pressure=1.0155 bar", "air_temperature=21.2 °C", "relative_humidity=45.1 %", "dew_point=8.8 °C",
                    "wind_direction=90.0 °", "wind_direction_magnetic=85.0 °", "wind_speed=2.1 m/s",
                ]
            ),
            ("WIXDR,C,19.52,C,TempAir,P,1.02481,B,", ["TempAir=19.52 °C", "pressure=1.02481 bar"]),
            ("IIMTW,17.5,C", ["water_temperature=17.5 °C"]),
            ("IIMMB,30.1,I,,B", ["pressure=30.1 inHg"]),
            (
                "IIVHW,005.0,T,004.0,M,06.5,N,12.0,K",
                ["heading=5.0 °", "heading_magnetic=4.0 °", "speed_through_water=6.5 kn"]
            ),
            ("SDDBT,12.3,f,3.75,M,2.05,F", ["depth_below_transducer=3.75 m"]),
            ("SDDPT,3.75,-0.5,100", ["depth_below_transducer=3.75 m", "depth_offset=-0.5 m"]),
            ("SDDBS,12.3,f,,M,,F", ["depth_below_surface=12.3 ft"]),
            (
                "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
                [
                    "latitude=48.1173 °", "longitude=11.5166667 °", "fix_quality=1 ", "satellites=8 ", "hdop=0.9 ",
                    "altitude=545.4 m",
                ]
            ),
            (
                "GPGLL,4916.45,S,12311.12,W,225444,A",
                ["fix_valid=true ", "latitude=-49.2741667 °", "longitude=-123.1853333 °"]
            ),
            ("GPGLL,0000.00,N,00000.00,W", ["latitude=0 °", "longitude=0 °"]),
            (
                "GPVTG,054.7,T,034.4,M,005.5,N,010.2,K",
                ["course_over_ground=54.7 °", "course_over_ground_magnetic=34.4 °", "speed_over_ground=5.5 kn"]
            ),
            ("HEHDT,123.4,T", ["heading=123.4 °"]),
        ]
    )
    func sentences(body: String, expected: [String]) throws {
        let decoded = try decode("nmea", sentence(body))
        #expect(decoded.readings.map { "\($0.metric)=\($0.text) \($0.unit)" } == expected)
        #expect(decoded.rejects.isEmpty)
        #expect(decoded.violations.isEmpty)
        #expect(decoded.events.first?.device == String(body.prefix(2)))
        #expect(decoded.events.first?.deviceRank == 200)
    }

    @Test("RMC carries date and time; without a fix it says so and nothing else")
    func recommendedMinimum() throws {
        let event = try decode("nmea", sentence("GPRMC,123519.25,A,4807.038,S,01131.000,W,022.4,084.4,230326,003.1,W"))
            .events.first
        #expect(event?.time == "2026-03-23T12:35:19.250Z")
        #expect(
            event?.readings == [
                .boolean("fix_valid", "true"), .number("latitude", "-48.1173", "°"),
                .number("longitude", "-11.5166667", "°"), .number("speed_over_ground", "22.4", "kn"),
                .number("course_over_ground", "84.4", "°"),
            ]
        )
        #expect(
            try decode("nmea", sentence("GPRMC,123519,V,,,,,,,230326,,")).readings == [.boolean("fix_valid", "false")]
        )
    }

    @Test("the checksum is required and verified; lines around a bad one are decoded")
    func checksum() throws {
        let good = sentence("IIMTW,17.5,C")
        let bad = good.replacingFirst("17.5", with: "18.5")
        let decoded = try decode("nmea", good + bad + good)
        #expect(decoded.readings.count == 2)
        #expect(decoded.reasons == [.checksum])
        #expect(try decode("nmea", "$IIMTW,17.5,C\r\n").reasons == [.checksum])
        #expect(try decode("nmea", "$IIMTW,17.5,C*").reasons == [.checksum])
        #expect(try decode("nmea", good.replacingFirst("*", with: "*0")).reasons == [.checksum])
    }

    @Test("every flipped bit of a sentence is noticed, or changes nothing but the case of the checksum")
    func flippedBits() throws {
        let good = Array(sentence("IIMTW,17.5,C").utf8.dropLast(2))
        let expected = try decode("nmea", good).readings
        for index in good.indices {
            for bit in 0..<8 {
                var bytes = good
                bytes[index] ^= 1 << UInt8(bit)
                let decoded = try decode("nmea", bytes)
                #expect(decoded.readings.isEmpty || decoded.readings == expected)
                #expect(decoded.violations.isEmpty)
            }
        }
    }

    @Test(
        "what says nothing to measure has no reading",
        arguments: [
            "GPZDA,201530.00,04,07,2026,00,00", "WIMWV,214.8,R,0.1,K,V", "GPTXT,01,01,02,ANTSTATUS=OK", "PGRME,15.0,M",
        ]
    )
    func noReading(body: String) throws {
        #expect(try decode("nmea", sentence(body)).rejects == [Reject(.noReading, 0)])
    }

    @Test(
        "fields that cannot be are malformed",
        arguments: [
            ("IIMTW,warm,C", 7), ("GPGLL,9100.00,N,01131.00,E,1,A", 7), ("GPGLL,4860.00,N,01131.00,E,1,A", 7),
            ("GPGLL,48x7.00,N,01131.00,E,1,A", 7), ("WIMWV,1,R,2,Q,A", 13),
        ]
    )
    func malformed(body: String, position: Int) throws {
        #expect(try decode("nmea", sentence(body)).rejects == [Reject(.malformed, position)])
    }

    @Test("a line that begins otherwise, or holds other bytes, is malformed")
    func noise() throws {
        #expect(try decode("nmea", "hello").rejects == [Reject(.malformed, 0)])
        #expect(try decode("nmea", [0x24, 0x47, 0x50, 0xFF]).rejects == [Reject(.malformed, 3)])
        #expect(try decode("nmea", "").rejects == [Reject(.empty, 0)])
    }
}

extension String {
    fileprivate func replacingFirst(_ part: String, with other: String) -> String {
        guard let range = firstRange(of: part) else { return self }
        var copy = self
        copy.replaceSubrange(range, with: other)
        return copy
    }
}
